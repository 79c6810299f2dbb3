/** A page subscribes to channels, in the URL of its stream and while the stream is open: as the app decides, and nothing else. */
import type { SSEOptions } from '../index';
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(closeClients);
afterEach(stopEvaluators);

/** A server whose users are in the query, as a cookie would be, and who may read what begins with `order:`. */
interface Site {
  node: Evaluator;
  port: number;
}

async function start(configure?: SSEOptions, more: object = {}): Promise<Site> {
  const node = await Evaluator.start(configure);
  const port = await node.evaluate(async ({ sse, state, require }, more) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    const { serveRoute } = require('./route-server.cjs');
    state.asked = [];
    state.errors = [];
    sse.on('error', ({ message }) => state.errors.push(message));
    const route = createSSERoute({
      identify(request) {
        const query = new URL(request.url).searchParams;
        const user = query.get('user');
        if (query.has('anonymous')) return { anonymous: true };
        if (query.has('many')) return { userId: 'ada', channels: ['a', 'b', 'c'] };
        return user && { userId: user, channels: query.has('own') ? ['news'] : undefined, headers: { 'x-own': 'yes' } };
      },
      async authorize(channel, client, request) {
        state.asked.push([channel, client.clientId ?? null, client.userId, request.method]);
        if (channel.startsWith('throws')) throw new Error('no database');
        if (channel === 'truthy') return 'yes' as never;
        return channel.startsWith('order:');
      },
      ...more,
    });
    return serveRoute(route);
  }, more);
  return { node, port };
}

const open = ({ port }: Site, query: string, headers: Record<string, string> = {}): Promise<RawClient> =>
  RawClient.stream(port, { path: `/sse?${query}`, headers });

const statusOf = async ({ port }: Site, query: string, method = 'GET'): Promise<[number, string]> => {
  const client = await RawClient.request(port, { path: `/sse?${query}`, method });
  await until('an answer', () => client.headText);
  return [client.status, client.body.toString()];
};

interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what it is, is the test's question.
  body: any;
}

/** The answer to a `POST`; `body` is sent as JSON, unless it is a text. */
async function post({ port }: Site, body: unknown, query = 'user=ada', headers = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const init = { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } };
  const response = await fetch(`http://127.0.0.1:${port}/sse?${query}`, init);
  const answer = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(answer) : answer };
}

const send = ({ node }: Site, channel: string): Promise<number> =>
  node.evaluate(({ sse }, channel) => sse.sendToChannel(channel, { event: 'e', data: channel }), channel);

const asked = ({ node }: Site): Promise<unknown[]> => node.evaluate(({ state }) => state.asked);

const storyOf = (client: RawClient): string[] =>
  client
    .events()
    .filter(({ event }) => event !== 'ssekit:ready')
    .map(({ event, data }) => `${event} ${data}`);

/** Waits until a client has got exactly this. */
const gets = (client: RawClient, story: string[]): Promise<unknown> =>
  until(`${story}`, () => JSON.stringify(storyOf(client)) === JSON.stringify(story));

describe('in the URL', () => {
  test('granted channels are added to those of identify', async () => {
    const site = await start();
    const query = 'user=ada&own&clientId=tab&channel=order:1&channel=order%3A1&channel=news&channel=order:%C3%A9';
    const tab = await open(site, query);
    // Nobody asks for what `identify` has given, nor twice.
    expect(await asked(site)).toEqual([
      ['order:1', 'tab', 'ada', 'GET'],
      ['order:é', 'tab', 'ada', 'GET'],
    ]);
    for (const channel of ['order:2', 'news', 'order:1', 'order:é']) await send(site, channel);
    await gets(tab, ['e "news"', 'e "order:1"', 'e "order:é"']);
  });

  test.each([
    ['channel=secret', 403],
    ['channel=order:1&channel=secret', 403],
    ['channel=truthy', 403],
    ['channel=throws', 403],
    ['channel=__proto__', 403],
    ['channel=', 400],
    ['channel=a%00', 400],
    [`channel=${'x'.repeat(257)}`, 400],
    ['channel=order:1&clientId=%0A', 400],
  ])('%s opens no stream', async (query, status) => {
    const site = await start();
    expect((await statusOf(site, `user=ada&${query}`))[0]).toBe(status);
    expect((await statusOf(site, `user=ada&${query}`, 'HEAD'))[0]).toBe(status);
    expect(await site.node.evaluate(({ sse }) => sse.stats().connects)).toBe(0);
  });

  test('without authorize no requested channel is granted', async () => {
    const site = await start(undefined, { authorize: undefined });
    expect(await statusOf(site, 'user=ada&channel=order:1')).toEqual([
      403,
      'channel: got "order:1", wants a channel that the page may subscribe to.\n',
    ]);
    await until('a line', () => site.node.stderr.includes('the route has no `authorize`'));
    await open(site, 'user=ada&own&channel=news');
  });

  test('nobody is asked about the channels that a stranger requests', async () => {
    const site = await start();
    expect((await statusOf(site, 'channel=order:1'))[0]).toBe(401);
    expect(await asked(site)).toEqual([]);
  });

  test('too many requested channels are refused before anybody is asked', async () => {
    const site = await start({ limits: { channelsPerClient: 2 } });
    expect((await statusOf(site, 'user=ada&own&channel=order:1&channel=order:2'))[0]).toBe(429);
    expect(await asked(site)).toEqual([]);
    await open(site, 'user=ada&own&channel=order:1&channel=news');
  });

  test('too many channels of identify are no error of the server', async () => {
    const site = await start({ limits: { channelsPerClient: 2 } });
    expect(await statusOf(site, 'user=ada&many')).toEqual([
      429,
      'channels: got 3 channels, wants at most 2 (limits.channelsPerClient).\n',
    ]);
    await until('a line', () => site.node.stderr.includes('the channels that `identify` returns are more than'));
  });

  test('kept channels count towards the limit', async () => {
    const site = await start({ limits: { channelsPerClient: 2 } });
    await open(site, 'user=ada&own&clientId=tab&channel=order:1');
    const kept = await site.node.evaluate(({ sse }) => [
      sse.unsubscribe({ clientId: 'tab' }, 'news'),
      sse.subscribe({ clientId: 'tab' }, 'order:2'),
    ]);
    expect(kept).toEqual([true, true]);
    expect(await statusOf(site, 'user=ada&own&clientId=tab')).toEqual([
      429,
      'channel: got one more channel, wants at most 2 (limits.channelsPerClient).\n',
    ]);
  });

  test('an authorize that throws is told and harms no other stream', async () => {
    const site = await start();
    const other = await open(site, 'user=bob&channel=order:1');
    expect((await statusOf(site, 'user=ada&channel=throws'))[0]).toBe(403);
    const errors = await until('an error', async () => {
      const told = await site.node.evaluate(({ state }) => state.errors);
      return told.length > 0 && told;
    });
    expect(errors).toEqual(['authorize failed for the channel "throws": no database']);
    await send(site, 'order:1');
    await gets(other, ['e "order:1"']);
  });
});

describe('while the stream is open', () => {
  test('a page leaves channels and subscribes to others', async () => {
    const site = await start();
    const tab = await open(site, 'user=ada&clientId=tab&channel=order:1');
    const cursor = tab.events()[0]?.id;
    await send(site, 'order:3');
    const subscribe = ['order:2', { channel: 'order:3', since: cursor }, 'secret', 'order:2', 'throws', 'truthy'];
    const answer = await post(site, { clientId: 'tab', subscribe, unsubscribe: ['order:1', 'never', 'never'] });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      subscribed: ['order:2', 'order:3'],
      unsubscribed: ['order:1', 'never'],
      refused: ['secret', 'throws', 'truthy'],
    });
    expect([answer.headers.get('cache-control'), answer.headers.get('x-own')]).toEqual(['no-store', 'yes']);
    const requested = (await asked(site)).slice(1);
    const names = ['order:2', 'order:3', 'secret', 'throws', 'truthy'];
    expect(requested).toEqual(names.map((name) => [name, 'tab', 'ada', 'POST']));
    for (const channel of ['order:1', 'secret', 'throws', 'order:2', 'order:3']) await send(site, channel);
    await gets(tab, [
      'ssekit:unsubscribed {"channel":"order:1"}',
      'ssekit:subscribed {"channel":"order:2"}',
      'e "order:3"',
      'ssekit:subscribed {"channel":"order:3"}',
      'e "order:2"',
      'e "order:3"',
    ]);
  });

  test('what identify has given is left like any other channel', async () => {
    const site = await start();
    const tab = await open(site, 'user=ada&own&clientId=tab');
    const answer = await post(site, { clientId: 'tab', unsubscribe: ['news'] });
    expect(answer.body).toEqual({ subscribed: [], unsubscribed: ['news'], refused: [] });
    await gets(tab, ['ssekit:unsubscribed {"channel":"news"}']);
    expect(await asked(site)).toEqual([]);
  });

  test('a page changes only its own client', async () => {
    const site = await start();
    const adas = await open(site, 'user=ada&clientId=adas');
    const named = await open(site, 'anonymous&clientId=named');
    const thief = await open(site, 'anonymous&clientId=thief');
    const [last = '', other = ''] = [named, thief].map((client) => client.events()[0]?.id);
    const ask = async (query: string, clientId: string, lastEventId?: string): Promise<[number, string?]> => {
      const { status, body } = await post(site, { clientId, subscribe: ['order:1'], lastEventId }, query);
      return [status, body.error];
    };
    const unknown = [404, "clientId: got an id that is not the page's, wants the id of its own stream"];
    expect(await ask('user=bob', 'adas')).toEqual(unknown);
    expect(await ask('anonymous', 'adas')).toEqual(unknown);
    expect(await ask('user=ada', 'named')).toEqual(unknown);
    expect(await ask('user=ada', 'unknown')).toEqual(unknown);
    // An anonymous page shows the key of its stream.
    const place = last.split('~')[0];
    for (const id of [undefined, '', place, other, `${place}~0123456789abcdef`]) {
      expect(await ask('anonymous', 'named', id)).toEqual(unknown);
    }
    expect(await ask('anonymous', 'named', last)).toEqual([200, undefined]);
    await gets(named, ['ssekit:subscribed {"channel":"order:1"}']);
    expect(storyOf(adas)).toEqual([]);
  });

  test('without authorize every requested channel is refused', async () => {
    const site = await start(undefined, { authorize: undefined });
    await open(site, 'user=ada&clientId=tab&own');
    const answer = await post(site, { clientId: 'tab', subscribe: ['order:1', 'news'], unsubscribe: ['news'] });
    expect(answer.body).toEqual({ subscribed: [], unsubscribed: ['news'], refused: ['order:1', 'news'] });
  });

  test('several errors of authorize are one report', async () => {
    const site = await start(undefined, {});
    await open(site, 'user=ada&clientId=tab');
    await site.node.evaluate(({ state }) => {
      state.errors.length = 0;
    });
    await post(site, { clientId: 'tab', subscribe: ['order:1', 'throws', 'throws too'] });
    await until('the report', () => site.node.evaluate(({ state }) => state.errors.length > 0));
    expect(await site.node.evaluate(({ state }) => state.errors)).toEqual([
      'authorize failed for the channel "throws" and 1 more: no database',
    ]);
  });

  test('a client gets no more channels than it may have', async () => {
    const site = await start({ limits: { channelsPerClient: 3 } });
    const tab = await open(site, 'user=ada&own&clientId=tab&channel=order:1');
    const partly = await post(site, { clientId: 'tab', subscribe: ['order:2', 'order:3'] });
    expect(partly.status).toBe(429);
    expect(partly.body).toMatchObject({ subscribed: ['order:2'], error: expect.stringContaining('channels') });
    await gets(tab, ['ssekit:subscribed {"channel":"order:2"}']);
    const before = await asked(site);
    const many = ['order:1', 'order:2', 'order:3', 'order:4'];
    for (const member of ['subscribe', 'unsubscribe']) {
      const answer = await post(site, { clientId: 'tab', [member]: many });
      expect([answer.status, answer.body.error]).toEqual([429, expect.stringContaining('channelsPerClient')]);
    }
    expect(await asked(site)).toEqual(before);
  });

  test('an ending process sends the page to the next one', async () => {
    const site = await start();
    await open(site, 'user=ada&clientId=tab');
    await site.node.evaluate(({ sse }) => sse.drain({ windowMs: 0 }));
    const answer = await post(site, { clientId: 'tab', subscribe: ['order:1'] });
    expect([answer.status, Number(answer.headers.get('retry-after')) > 0]).toEqual([503, true]);
  });

  test('a stranger changes nothing, and nobody is asked', async () => {
    const site = await start();
    await open(site, 'user=ada&clientId=tab');
    expect((await post(site, { clientId: 'tab', subscribe: ['order:1'] }, '')).status).toBe(401);
    expect(await asked(site)).toEqual([]);
  });
});

describe('a page of another site changes nothing', () => {
  /** Asks as a page of a site. `fetch` of Node.js leaves the host out of a test's hands. */
  const from = async (site: Site, headers: Record<string, string>): Promise<number> => {
    const body = JSON.stringify({ clientId: 'tab', subscribe: ['order:1'] });
    const length = String(body.length);
    const client = await RawClient.request(site.port, {
      method: 'POST',
      path: '/sse?user=ada',
      headers: { host: 'app.example', 'content-type': 'application/json', 'content-length': length, ...headers },
      trailing: body,
    });
    await until('an answer', () => client.headText);
    return client.status;
  };

  test.each([
    [{}, 200],
    [{ origin: 'https://app.example' }, 200],
    [{ origin: 'http://app.example' }, 200],
    [{ origin: 'https://app.example', host: 'app.example:443' }, 200],
    [{ origin: 'https://APP.example' }, 403],
    [{ origin: 'https://app.example:8443' }, 403],
    [{ origin: 'https://app.example.evil' }, 403],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' }, 403],
    [{ origin: 'https://u@app.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: '' }, 403],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://app.example' }, 200],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'cross-site', origin: 'https://app.example' }, 403],
    [{ 'sec-fetch-site': 'none' }, 403],
    [{ 'sec-fetch-site': 'same-site', origin: 'https://listed.example' }, 200],
    [{ 'sec-fetch-site': 'same-site', origin: 'https://listed.example.evil' }, 403],
    [{ 'content-type': 'text/plain' }, 415],
    [{ 'content-type': 'multipart/form-data; boundary=application/json' }, 415],
    [{ 'content-type': '' }, 415],
    [{ 'content-type': 'Application/JSON;charset=utf-8' }, 200],
  ] as [Record<string, string>, number][])('%j: %i', async (headers, status) => {
    const site = await start(undefined, { allowedOrigins: ['https://listed.example'] });
    await open(site, 'user=ada&clientId=tab');
    expect(await from(site, headers)).toBe(status);
    expect((await asked(site)).length).toBe(status === 200 ? 1 : 0);
  });
});

describe('a body that cannot be used is refused', () => {
  let site: Site;
  beforeEach(async () => {
    site = await start();
    await open(site, 'user=ada&clientId=tab');
  });

  test('whatever is wrong with it', async () => {
    const good = { clientId: 'tab', subscribe: ['order:1'] };
    for (const [body, says] of [
      ['', 'JSON'],
      ['{', 'JSON'],
      ['null', 'an object'],
      ['[]', 'an object'],
      ['"tab"', 'an object'],
      ['{}', 'clientId'],
      [{ clientId: 'tab' }, 'body: got no channel, wants at least one in'],
      [{ clientId: 'tab', subscribe: [], unsubscribe: [] }, 'body: got no channel, wants at least one in'],
      [{ ...good, clientId: 7 }, 'clientId'],
      [{ ...good, clientId: '' }, 'clientId'],
      [{ ...good, clientId: 'x'.repeat(257) }, 'clientId'],
      ['{"clientId":"\\ud800","subscribe":["order:1"]}', 'clientId'],
      [{ ...good, lastEventId: 7 }, 'lastEventId'],
      [{ ...good, userId: 'bob' }, 'body.userId: no such option'],
      ['{"clientId":"tab","subscribe":["order:1"],"__proto__":{}}', 'body.__proto__: no such option'],
      [{ ...good, subscribe: 'order:1' }, 'subscribe: got "order:1", wants an array'],
      [{ ...good, subscribe: null }, 'subscribe: got null'],
      [{ ...good, subscribe: { 0: 'order:1' } }, 'subscribe: got an object'],
      [{ ...good, subscribe: [7] }, 'subscribe'],
      [{ ...good, subscribe: [['order:1']] }, 'subscribe'],
      [{ ...good, subscribe: [{}] }, 'subscribe[0].channel: got undefined'],
      [{ ...good, subscribe: [{ channel: 'order:1', since: 7 }] }, 'subscribe[0].since: got 7'],
      [{ ...good, subscribe: [{ channel: 'order:1', sinse: 'x' }] }, 'subscribe[0].sinse: no such option'],
      [{ ...good, subscribe: [''] }, 'subscribe'],
      [{ ...good, subscribe: ['a\n'] }, 'subscribe'],
      [{ ...good, subscribe: ['x'.repeat(257)] }, 'subscribe'],
      ['{"clientId":"tab","subscribe":["\\udfff"]}', 'subscribe'],
      [{ ...good, unsubscribe: [{ channel: 'order:1' }] }, 'unsubscribe'],
      [{ ...good, unsubscribe: ['\u0085'] }, 'unsubscribe'],
    ] as [unknown, string][]) {
      const { status, body: answer } = await post(site, body);
      expect([body, status, answer.error]).toEqual([body, 400, expect.stringContaining(says)]);
    }
    expect(await asked(site)).toEqual([]);
  });

  test('a large one, with or without a length', async () => {
    const large = JSON.stringify({ clientId: 'tab', subscribe: ['order:1'], lastEventId: 'x'.repeat(65_536) });
    expect((await post(site, large)).status).toBe(413);
    const pieces = new ReadableStream({
      start(controller) {
        for (let at = 0; at < large.length; at += 8_192) {
          controller.enqueue(new TextEncoder().encode(large.slice(at, at + 8_192)));
        }
        controller.close();
      },
    });
    const init = { method: 'POST', body: pieces, duplex: 'half', headers: { 'content-type': 'application/json' } };
    const response = await fetch(`http://127.0.0.1:${site.port}/sse?user=ada`, init as RequestInit);
    expect(response.status).toBe(413);
    expect(await asked(site)).toEqual([]);
  });

  test('one that is not UTF-8', async () => {
    const init = {
      method: 'POST',
      body: Buffer.from([0x22, 0xff, 0x22]),
      headers: { 'content-type': 'application/json' },
    };
    expect((await fetch(`http://127.0.0.1:${site.port}/sse?user=ada`, init)).status).toBe(400);
  });
});

test.each([
  ['authorize', 'yes', 'a function'],
  ['allowedOrigins', 'https://app.example', 'an array'],
  ['allowedOrigins', ['app.example'], 'an origin'],
  ['allowedOrigins', ['https://app.example/'], 'an origin'],
  ['allowedOrigins', ['*'], 'an origin'],
  ['allowedOrigins', ['null'], 'an origin'],
])('the option %s: %j is refused when the route is made', async (name, value, says) => {
  const node = await Evaluator.start();
  const make = ({ require }: Given, options: object): void => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    createSSERoute({ identify: () => 'ada', ...options });
  };
  const thrown = await node.thrownBy(make, { [name]: value });
  expect(thrown).toMatchObject({ class: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' });
  expect(thrown.message).toContain(`options.${name}: got `);
  expect(thrown.message).toContain(says);
});

test.each([
  ['"news"', 'an array of names'],
  ['[7]', 'channel: got 7'],
  ['[""]', 'channel'],
  ['["\\ud800"]', 'half of a surrogate pair'],
  ['["a\\n"]', 'channel'],
])('identify with the channels %s is an error of the app', async (channels, says) => {
  const node = await Evaluator.start();
  const thrown = await node.thrownBy(({ sse, compile }, channels) => {
    sse.connect(new Request('http://localhost/'), { userId: 'ada', channels: compile(channels) as never });
  }, channels);
  expect(thrown).toMatchObject({ class: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' });
  expect(thrown.message).toContain(says);
});
