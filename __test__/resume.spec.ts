/** A page that comes back with a ticket gets its stream before the application is asked, and nobody else does. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectOptions } from '../index';
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient, type RequestOptions } from './support/raw-client';
import { asked, comeAndGo, gone, headersOf, Page, read, start, stats, ticketsOf, watch } from './support/ticketed-page';
import { until } from './support/until';

afterEach(closeClients);
afterEach(stopEvaluators);

/** Whether Node has read a request when ssekit looks at it. */
const MOMENTS = process.platform === 'linux' ? (['read', 'unread'] as const) : (['read'] as const);

/**
 * Sends a request, so that Node accepts the connection before the request, or with it. The request of another page that comes with it
 * shows that native code has looked at both.
 */
async function ask(
  server: Evaluator,
  moment: (typeof MOMENTS)[number],
  request: RequestOptions,
  other: Page | undefined,
): Promise<RawClient> {
  if (moment === 'read') return RawClient.request(server.port, request);
  await watch(server);
  const requests = [request, ...(other ? [{ ...other }] : [])];
  const clients = await server.whileStopped(() =>
    Promise.all(requests.map((one) => RawClient.request(server.port, one))),
  );
  const [client, control] = clients as [RawClient, RawClient?];
  if (control) {
    await control.ready();
    expect(await read(server)).toContain(0);
    control.destroy();
  }
  return client;
}

describe('a page that comes back', () => {
  test('gets its stream and what it has missed, and the application is not asked', async () => {
    const server = await start();
    const page = new Page();
    const first = await page.open(server);
    first.destroy();
    await gone(server);
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'missed', data: 1 }));
    const second = await page.open(server);
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'live', data: 2 }));
    expect((await second.next(2)).map(({ event }) => event)).toEqual(['missed', 'live']);
    expect(await second.ready()).toMatchObject({ clientId: 'tab-1', userId: 'ada', resumed: true });
    expect(await asked(server)).toBe(1);
    const { resumed, connects, transports } = await stats(server);
    expect([resumed, connects, transports.handoff]).toEqual([1, 2, 1]);
    // Its own ticket is renewed, so it can come back again and again.
    for (let turn = 2; turn <= 4; turn += 1) {
      await page.open(server);
      expect((await stats(server)).resumed).toBe(turn);
    }
    expect(await asked(server)).toBe(1);
  });

  test('gets the head that the first answer had, without its cookies', async () => {
    const headers = { 'x-frame-options': 'DENY', vary: 'Origin', 'set-cookie': 'own=1', link: ['</a>', '</b>'] };
    const server = await start({}, { client: { headers } as ConnectOptions });
    const page = new Page();
    const first = await page.open(server);
    const second = await page.open(server);
    expect((await stats(server)).resumed).toBe(1);
    expect(first.headerLines).toContain('set-cookie: own=1');
    expect(second.headerLines).not.toContain('set-cookie: own=1');
    expect(headersOf(second)).toEqual(headersOf(first).filter((_, at, all) => all.indexOf('set-cookie') !== at));
    const bare = (client: RawClient): string[] =>
      client.headerLines.filter((line) => !/^(set-cookie|date):/.test(line)).sort();
    expect(bare(second)).toEqual(bare(first));
  });

  test('is described, subscribed and greeted as it was', async () => {
    const server = await start({}, { client: { channels: ['news'], data: { name: 'Ada' }, welcome: { plan: 'pro' } } });
    const page = new Page();
    await page.open(server);
    const second = await page.open(server);
    expect(await second.ready()).toMatchObject({ welcome: { plan: 'pro' } });
    const clients = await server.evaluate(({ sse }) => sse.getClients());
    expect(clients).toMatchObject([{ id: 'tab-1', userId: 'ada', data: { name: 'Ada' }, channels: ['news'] }]);
    await server.evaluate(({ sse }) => sse.sendToChannel('news', { event: 'news', data: 1 }));
    await second.next(1);
    expect(await asked(server)).toBe(1);
  });

  test('may be anonymous, and proves itself by the key of its ids', async () => {
    const server = await start();
    const page = new Page('/sse?clientId=tab-1');
    const first = await page.open(server);
    await server.evaluate(({ sse }) => sse.sendToClient('tab-1', { event: 'own', data: 1 }));
    await first.next(1);
    first.destroy();
    await gone(server);
    await server.evaluate(({ sse }) => sse.sendToClient('tab-1', { event: 'missed', data: 1 }));
    const thief = new Page('/sse?clientId=tab-1');
    thief.headers.cookie = page.headers.cookie ?? '';
    const stolen = await thief.open(server);
    expect(await stolen.ready()).not.toMatchObject({ clientId: 'tab-1' });
    page.keep(first);
    const second = await page.open(server);
    expect((await second.next(1)).map(({ event }) => event)).toEqual(['missed']);
    expect(await asked(server)).toBe(1);
  });

  test('may speak HTTP/1.0', async () => {
    const server = await start();
    const page = new Page();
    await page.open(server);
    const second = await page.open(server, { version: '1.0' });
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'live', data: 1 }));
    await second.next(1);
    expect((await stats(server)).resumed).toBe(1);
    expect(second.headerLines).not.toContain('transfer-encoding: chunked');
  });

  test('may be one of several tabs', async () => {
    const server = await start();
    const tabs = [1, 2, 3].map((tab) => new Page(`/sse?userId=ada&clientId=tab-${tab}`));
    for (const tab of tabs) {
      await tab.open(server);
      for (const other of tabs) other.headers.cookie = tab.headers.cookie ?? '';
    }
    const streams = await Promise.all(tabs.map((tab) => tab.open(server)));
    const ids = await Promise.all(streams.map((stream) => stream.ready()));
    expect(ids.map(({ clientId }) => clientId)).toEqual(['tab-1', 'tab-2', 'tab-3']);
    expect([await asked(server), (await stats(server)).resumed]).toEqual([3, 3]);
  });

  test('sends another request behind the first one, and nothing breaks', async () => {
    const server = await start();
    const page = new Page();
    await page.open(server);
    const second = await page.open(server, { trailing: 'GET /other HTTP/1.1\r\nhost: localhost\r\n\r\n' });
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'live', data: 1 }));
    await second.next(1);
    expect(second.received.toString().match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect((await RawClient.request(server.port, { path: '/other' })).error).toBeUndefined();
    expect(server.stderr).toBe('');
  });

  test('is carried by native code, and Node keeps nothing of it', async () => {
    const server = await start();
    const page = new Page();
    await page.open(server);
    const second = await page.open(server);
    const open = (): Promise<number> =>
      server.evaluate(() => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length);
    await until('Node to let go of the socket', async () => (await open()) === 0);
    second.destroy();
    await gone(server);
    expect((await stats(server)).disconnects.peer).toBe(1);
  });
});

describe.each(MOMENTS)('by a request that is %s, the application is asked about', (moment) => {
  let server: Evaluator;
  let page: Page;
  let other: Page;
  let others: number;
  beforeEach(async () => {
    server = await start();
    page = new Page();
    other = new Page('/sse?userId=eve&clientId=tab-8', 'eve');
    others = 0;
    await comeAndGo(server, other);
    await page.open(server);
    expect(await counts()).toEqual([2, 1]);
  });

  /** How often the application was asked, and how many pages came back without a question. */
  const counts = async (): Promise<[asked: number, resumed: number]> => [
    await asked(server),
    (await stats(server)).resumed - others,
  ];

  const askThere = (request: RequestOptions): Promise<RawClient> => {
    if (moment === 'unread') others += 1;
    return ask(server, moment, request, other);
  };

  const ticket = (): string => page.headers.cookie?.split('; ').at(-1) ?? '';
  const change = (from: number, to: number): string => {
    const text = ticket();
    const middle = text.length - 40;
    return `${text.slice(0, middle + from)}${text[middle] === 'A' ? 'B' : 'A'}${text.slice(middle + to)}`;
  };

  const OTHERS: [what: string, other: () => Partial<Page>][] = [
    ['a page without a ticket', () => ({ headers: { ...page.headers, cookie: 'session=ada; theme=dark' } })],
    ['another path', () => ({ path: '/sse/?userId=ada&clientId=tab-1' })],
    ['another query', () => ({ path: '/sse?userId=bob&clientId=tab-1' })],
    ['another client id', () => ({ path: '/sse?userId=ada&clientId=tab-2' })],
    ['another answer', () => ({ headers: { ...page.headers, accept: 'application/json, text/event-stream' } })],
    ['another host', () => ({ headers: { ...page.headers, host: 'other.example' } })],
    ['another origin', () => ({ headers: { ...page.headers, origin: 'https://other.example' } })],
    ['another browser', () => ({ headers: { ...page.headers, 'user-agent': 'curl/8.1' } })],
    ['other credentials', () => ({ headers: { ...page.headers, authorization: 'Bearer other' } })],
    ['somebody else', () => ({ headers: { ...page.headers, cookie: `session=bob; theme=dark; ${ticket()}` } })],
    ['nobody any more', () => ({ headers: { ...page.headers, cookie: ticket() } })],
    ['a changed ticket', () => ({ headers: { ...page.headers, cookie: `session=ada; theme=dark; ${change(0, 1)}` } })],
    ['a short ticket', () => ({ headers: { ...page.headers, cookie: `session=ada; theme=dark; ${change(0, 9)}` } })],
    ['a long ticket', () => ({ headers: { ...page.headers, cookie: `session=ada; theme=dark; ${ticket()}AAAA` } })],
    [
      'an oversized ticket',
      () => ({ headers: { ...page.headers, cookie: `session=ada; theme=dark; ${ticket()}${'A'.repeat(5_000)}` } }),
    ],
    ['a body', () => ({ headers: { ...page.headers, 'content-length': '0' } })],
    ['a tab that shares', () => ({ headers: { ...page.headers, 'ssekit-carrier': 'v1 open' } })],
  ];

  test.each(OTHERS)('%s', async (_, other) => {
    const request = { ...page, ...other() };
    const client = await askThere(request);
    await until('an answer', () => client.status > 0);
    const isSecondPath = request.path.startsWith('/sse/');
    expect(await counts()).toEqual([isSecondPath ? 2 : 3, 1]);
  });

  test('HEAD', async () => {
    const client = await askThere({ method: 'HEAD', ...page });
    await until('an answer', () => client.status === 200);
    expect(ticketsOf(client)).toEqual([]);
    expect(await counts()).toEqual([3, 1]);
  });

  test('a user who was logged out, and who logs in again', async () => {
    const open = async (one: Page): Promise<void> => {
      const client = await askThere({ ...one });
      await client.ready();
      one.keep(client);
    };
    await server.evaluate(({ sse }) => sse.disconnectUser('ada'));
    await gone(server);
    await open(page);
    // The clocks of two processes may differ, so a ticket from shortly after the log-out may be from before it.
    await open(page);
    expect(await counts()).toEqual([4, 1]);
    const bob = new Page('/sse?userId=bob&clientId=tab-9', 'bob');
    await open(bob);
    await open(bob);
    expect(await counts()).toEqual([5, 2]);
  });
});

describe.each(MOMENTS)('by a request that is %s, a refused page gets the answer of the application', (moment) => {
  test('at a limit', async () => {
    const server = await start({ limits: { clientsPerUser: 1 } });
    const [page, other] = [new Page(), new Page('/sse?userId=ada&clientId=tab-2')];
    const eve = new Page('/sse?userId=eve&clientId=tab-8', 'eve');
    for (const one of [page, eve]) await comeAndGo(server, one);
    await other.open(server);
    const early = await ask(server, moment, { ...page }, eve);
    await until('an answer', () => early.body.length > 0);
    expect((await stats(server)).refusals.user).toBe(1);
    expect(await asked(server)).toBe(3);
    const late = await RawClient.request(server.port, { path: page.path });
    await until('an answer', () => late.body.length > 0);
    expect([early.status, early.body.toString()]).toEqual([late.status, late.body.toString()]);
    expect(early.status).toBe(429);
    expect(headersOf(early)).toEqual(headersOf(late));
  });

  test('at a drain', async () => {
    const server = await start();
    const page = new Page();
    await comeAndGo(server, page);
    await server.evaluate(async ({ sse }) => sse.drain({ windowMs: 0 }));
    const early = await ask(server, moment, { ...page }, undefined);
    await until('a farewell', () => early.events().length === 1);
    expect([early.status, early.events()[0]?.event]).toEqual([200, 'ssekit:drain']);
    await until('the end', () => early.ended);
    expect(await asked(server)).toBe(1);
  });
});

describe('there is no ticket', () => {
  test.each<[string, ConnectOptions & { resume?: object | undefined }]>([
    ['without the option', { resume: undefined }],
    ['for an application that wants to hear of the end', {}],
    ['for a client id of the application', { clientId: 'own' }],
    ['beyond the size of a cookie', { welcome: 'x'.repeat(4_000) }],
  ])('%s', async (why, client) => {
    const server = await start({}, { client });
    if (why.includes('hear')) {
      await server.evaluate((given) => {
        const { clientOf } = given;
        given.clientOf = (query) => ({ ...clientOf(query), onClose() {} });
      });
    }
    const page = new Page();
    const first = await page.open(server);
    expect(headersOf(first)).not.toContain('set-cookie');
    await page.open(server);
    expect([await asked(server), (await stats(server)).resumed]).toEqual([2, 0]);
  });

  test('with an answer that is no stream', async () => {
    const server = await start({ limits: { clients: 1 } });
    await new Page().open(server);
    const refused = await RawClient.request(server.port, { path: '/sse?userId=bob&clientId=tab-2' });
    await until('an answer', () => refused.body.length > 0);
    expect([refused.status, headersOf(refused).includes('set-cookie')]).toEqual([503, false]);
  });
});

describe('tools that watch requests', () => {
  /** Wraps `emit` of all servers, as tracers do, or of this server. */
  const instrument = (server: Evaluator, how: 'prototype' | 'own', listens: boolean): Promise<void> =>
    server.evaluate(
      ({ require, state }, how, listens) => {
        const { Server } = require('node:http');
        state.seen = [];
        const wrap = (emit: (...given: unknown[]) => boolean) =>
          function (this: unknown, ...given: unknown[]): boolean {
            const [name, request, response] = given as [string, { url: string }, NodeJS.EventEmitter];
            if (name === 'request') {
              state.seen.push(`begin ${request.url.split('?')[0]}`);
              if (listens) response.once('close', () => state.seen.push('end'));
            }
            return emit.apply(this, given);
          };
        if (how === 'prototype') {
          Server.prototype.emit = wrap(Server.prototype.emit);
          return;
        }
        const { subscribe } = require('node:diagnostics_channel');
        subscribe('http.server.request.start', ({ server }: { server: { emit: never; isWrapped?: true } }) => {
          if (server.isWrapped) return;
          server.isWrapped = true;
          server.emit = wrap(server.emit) as never;
        });
      },
      how,
      listens,
    );

  test.each(['prototype', 'own'] as const)('see a resumed page and its end, by the %s emit', async (how) => {
    const server = await start();
    await instrument(server, how, true);
    const page = new Page();
    const first = await page.open(server);
    first.destroy();
    await gone(server);
    const second = await page.open(server);
    const seen = (): Promise<string[]> => server.evaluate(({ state }) => state.seen);
    expect((await stats(server)).resumed).toBe(1);
    expect(await seen()).toEqual(['begin /sse', 'end', 'begin /sse']);
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'live', data: 1 }));
    await second.next(1);
    second.destroy();
    await until('the end to be seen', async () => (await seen()).length === 4);
    await gone(server);
    expect(await asked(server)).toBe(1);
  });

  test('end a resumed stream by its response', async () => {
    const server = await start();
    await server.evaluate(({ require, state }) => {
      const { Server } = require('node:http');
      const { emit } = Server.prototype;
      Server.prototype.emit = function (...given: unknown[]) {
        if (given[0] === 'request') {
          state.response = given[2];
          state.response.once('close', () => {});
        }
        return emit.apply(this, given);
      };
    });
    const page = new Page();
    await page.open(server);
    const second = await page.open(server);
    expect((await stats(server)).resumed).toBe(1);
    await server.evaluate(({ state }) => {
      state.response.destroy();
    });
    await until('the end', () => second.ended);
    await gone(server);
  });
});

describe('over a restart', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ssekit-resume-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('the data folder keeps the secret, for its owner alone', async () => {
    const env = { SSEKIT_DATA_DIR: folder };
    const before = await start({}, { env });
    const pages = [1, 2].map((tab) => new Page(`/sse?userId=ada&clientId=tab-${tab}`));
    for (const page of pages) await page.open(before);
    expect(statSync(join(folder, 'resume.key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, 'resume.key'))).toHaveLength(32);
    await before.evaluate(({ sse }) => sse.flush());
    await before.stop();
    const after = await start({}, { env });
    // A new process learns from its first request which paths give tickets.
    const streams = [];
    for (const page of pages) streams.push(await page.open(after));
    expect([await asked(after), (await stats(after)).resumed]).toEqual([1, 1]);
    for (const stream of streams) expect(await stream.ready()).toMatchObject({ resumed: true });
  });

  test('a secret of the environment does, and can be replaced', async () => {
    const secrets = ['the-first-secret-of-32-bytes-or-more', 'the-second-secret-also-long-enough'];
    const run = async (...secrets: string[]): Promise<Evaluator> =>
      start({}, { env: { SSEKIT_DATA_DIR: folder, SSEKIT_SECRET: secrets.join('\n') } });
    const pages = [1, 2].map((tab) => new Page(`/sse?userId=ada&clientId=tab-${tab}`));
    const resumedAt = async (server: Evaluator): Promise<number> => {
      for (const page of pages) await page.open(server);
      const { resumed } = await stats(server);
      await server.stop();
      return resumed;
    };
    expect(await resumedAt(await run(secrets[0] ?? ''))).toBe(0);
    expect(await resumedAt(await run(secrets[1] ?? '', secrets[0] ?? ''))).toBe(1);
    expect(await resumedAt(await run(secrets[1] ?? ''))).toBe(1);
    expect(await resumedAt(await run(secrets[0] ?? ''))).toBe(0);
  });

  test('a page that claims to be ahead of everybody is told that it is not', async () => {
    const server = await start({}, { env: { SSEKIT_DATA_DIR: folder } });
    const page = new Page();
    (await page.open(server)).destroy();
    await gone(server);
    const { epoch } = await stats(server);
    page.headers['last-event-id'] = `${epoch}.${2 ** 50}`;
    const ahead = await page.open(server);
    expect((await ahead.next(1)).map(({ event }) => event)).toEqual(['ssekit:reset']);
    expect([await asked(server), (await stats(server)).resumed]).toEqual([1, 1]);
  });

  test('a log-out holds, also if the history has forgotten it', async () => {
    const options = { backplane: { file: folder, maxEvents: 100 } };
    const before = await start(options);
    const [ada, bob, eve] = ['ada', 'bob', 'eve'].map((user) => new Page(`/sse?userId=${user}&clientId=${user}`, user));
    for (const page of [ada, bob, eve]) await page?.open(before);
    await before.evaluate(async ({ sse }) => {
      sse.disconnectUser('ada');
      for (let number = 0; number < 3_000; number += 1) sse.broadcast({ event: 'later', data: number });
      await sse.flush();
    });
    await before.stop();
    const after = await start(options);
    // One of them teaches the process the path.
    for (const page of [eve, ada, bob]) await page?.open(after);
    expect([await asked(after), (await stats(after)).resumed]).toEqual([2, 1]);
    const clients = await after.evaluate(({ sse }) => sse.getClients().map(({ userId }) => userId));
    expect(clients.sort()).toEqual(['ada', 'bob', 'eve']);
  });

  test('without either, the secret ends with the process', async () => {
    const pages = [1, 2].map((tab) => new Page(`/sse?userId=ada&clientId=tab-${tab}`));
    const before = await start();
    for (const page of pages) await page.open(before);
    const after = await start();
    for (const page of pages) await page.open(after);
    expect([await asked(after), (await stats(after)).resumed]).toEqual([2, 0]);
  });
});

describe('bad options', () => {
  test.each<[object, string]>([
    [{}, 'client.resume.ttl: got undefined, wants a whole number of seconds'],
    [{ ttl: 0.5 }, 'client.resume.ttl: got 0.5, wants a whole number of seconds'],
    [{ ttl: 0 }, 'client.resume.ttl: got 0 seconds, wants 1 to 43,200'],
    [{ ttl: 43_201 }, 'client.resume.ttl: got 43,201 seconds, wants 1 to 43,200'],
    [{ ttl: 60, maxAge: 59 }, 'client.resume.ttl: got 60 seconds, wants 1 to 59'],
    [{ ttl: 60, maxAge: 2_592_001 }, 'client.resume.maxAge: got 2,592,001 seconds, wants 1 to 2,592,000'],
    [{ ttl: 60, cookies: 'session' }, 'client.resume.cookies: got "session", wants an array of names'],
    [{ ttl: 60, headers: ['a b'] }, 'client.resume.headers: got "a b", wants a name'],
    [{ ttl: 60, age: 1 }, 'client.resume.age: no such option; known are ttl, maxAge, cookies, headers'],
  ])('%j', async (resume, message) => {
    const { checkResume } = require('../dist/server/resume/options.js');
    expect(() => checkResume('client.resume', resume)).toThrow(message);
  });

  test('a short secret', async () => {
    const server = await start({}, { env: { SSEKIT_SECRET: 'a-secret-that-is-not-to-be-shown' } });
    await new Page().open(server);
    await server.evaluate(() => {
      process.env.SSEKIT_SECRET = 'short';
    });
    const thrown = await server.thrownBy(({ handleSSE }) =>
      handleSSE({ headers: {} } as never, { writeHead() {} } as never, { userId: 'ada', resume: { ttl: 60 } }),
    );
    expect(thrown).toMatchObject({
      class: 'RangeError',
      message: 'SSEKIT_SECRET: got a secret of 5 bytes, wants at least 32 bytes',
    });
  });
});
