/** A socket leaves Node only when it is certain whose stream it carries, and that nothing stands in between. */
import { Agent, get } from 'node:http';
import fc from 'fast-check';
import { fetch as fetchWith, Pool } from 'undici';
import type { SSEStats } from '../index';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { startNginx } from './support/proxies';
import { stopProxies } from './support/proxy-process';
import { closeClients, RawClient, type RequestOptions } from './support/raw-client';
import { until } from './support/until';

let server: Evaluator;
let port: number;

beforeAll(async () => {
  // Node reads nothing while a request's body waits to be read. So it notices only at a write that such a peer has gone.
  server = await Evaluator.start({ heartbeatMs: 500 });
  port = await server.evaluate(async ({ require, sse, handleSSE, state }) => {
    state.carriers = await require('./carriers.cjs').serve({ sse, handleSSE });
    return state.carriers.port as number;
  });
});

afterEach(async () => {
  closeClients();
  await until('all clients to be gone', async () => (await stats()).clients === 0);
});

afterAll(stopEvaluators);
afterAll(stopProxies);

const stats = (): Promise<SSEStats> => server.evaluate(({ sse }) => sse.stats());
const seen = (): Promise<string[]> => server.evaluate(({ state }) => state.carriers.seen);
const waiting = (): Promise<number> => server.evaluate(({ state }) => state.carriers.pool.length as number);

const sendTo = (user: string, data: unknown): Promise<number> =>
  server.evaluate(({ sse }, user, data) => sse.sendToUser(user, { event: 'private', data }), user, data);

const open = (query: Record<string, string>, options: RequestOptions = {}): Promise<RawClient> =>
  RawClient.request(port, { path: `/stream?${new URLSearchParams(query)}`, ...options });

/** Waits until every client has settled on how it is carried, and returns how many sockets left Node. */
async function settled(clients: number): Promise<number> {
  const { transports } = await until(`${clients} clients to settle`, async () => {
    const now = await stats();
    return now.clients === clients && now.transports.opening === 0 && now;
  });
  return transports.handoff;
}

/** The private part of a client's stream. */
const privates = (client: RawClient): unknown[] =>
  client
    .events()
    .filter(({ event }) => event === 'private')
    .map(({ data }) => JSON.parse(data));

describe('a callback that runs in the context of another request', () => {
  test.each(['handle', 'pipe'])("gets its own user's events by %s, and nobody else's", async (via) => {
    const bert = await open({ user: 'bert', at: 'pooled', via });
    await until('bert to wait', async () => (await waiting()) === 1);
    const anna = await open({ user: 'anna', at: 'releases', via });
    await Promise.all([bert.ready(), anna.ready()]);
    await settled(2);
    await sendTo('bert', 'for bert');
    await sendTo('anna', 'for anna');
    await until('both events', () => privates(bert).length + privates(anna).length === 2);
    expect([privates(anna), privates(bert)]).toEqual([['for anna'], ['for bert']]);
    expect((await anna.ready()).userId).toBe('anna');
    expect((await bert.ready()).userId).toBe('bert');
  });

  test('does not close when that other client leaves', async () => {
    const bert = await open({ user: 'bert', at: 'pooled', via: 'read', watch: 'res.close' });
    await until('bert to wait', async () => (await waiting()) === 1);
    const anna = await open({ user: 'anna', at: 'releases', via: 'read' });
    await Promise.all([bert.ready(), anna.ready()]);
    await settled(2);
    anna.destroy();
    await until('anna to be gone', async () => (await stats()).clients === 1);
    await sendTo('bert', 'still here');
    await until("bert's event", () => privates(bert).length === 1);
  });
});

describe('code between the stream and the socket', () => {
  const BETWEEN: [via: string, through: string, reason: keyof SSEStats['notHandedOff']][] = [
    ['handle', 'masks', 'wrapped'],
    ['handle', 'masksLater', 'wrapped'],
    ['handle', 'socket', 'wrapped'],
    ['pipe', 'transform', 'body'],
    ['pipe', 'reader', 'body'],
    ['pipe', 'late', 'body'],
    ['sink', 'none', 'wrapped'],
    ['writable', 'none', 'wrapped'],
    ['read', 'none', 'body'],
  ];

  test.each(BETWEEN)('by %s through %s gets everything, and the reason is counted', async (via, through, reason) => {
    const before = (await stats()).notHandedOff;
    const client = await open({ user: 'ada', via, through });
    await client.ready();
    expect(await settled(1)).toBe(0);
    await sendTo('ada', 'a secret');
    await sendTo('ada', 'another secret');
    await until('both events', () => privates(client).length === 2);
    expect(privates(client)).toEqual(['a masked', 'another masked']);
    const after = (await stats()).notHandedOff;
    expect(Object.entries(after).filter(([name, count]) => count !== before[name as keyof typeof before])).toEqual([
      // A transform that passes on what it gets without a turn of the loop is seen, one that waits is not reached.
      [expect.stringMatching(reason === 'wrapped' ? /wrapped|body/ : reason), expect.any(Number)],
    ]);
  });

  test.each(['handle', 'pipe'])('is absent where Node itself carries the bytes by %s', async (via) => {
    const client = await open({ user: 'ada', via });
    await client.ready();
    expect(await settled(1)).toBe(1);
    await sendTo('ada', 'a secret');
    await until('the event', () => privates(client).length === 1);
    expect(privates(client)).toEqual(['a secret']);
  });

  test.each(['logs', 'refuses'])('a `write` that %s does not stop the stream', async (through) => {
    const client = await open({ user: 'ada', through });
    await client.ready();
    for (let n = 0; n < 3; n += 1) await sendTo('ada', n);
    await until('all events', () => privates(client).length === 3);
    expect(privates(client)).toEqual([0, 1, 2]);
  });
});

describe('a request that goes on', () => {
  const post = (length: number): RequestOptions => ({
    method: 'POST',
    headers: { 'content-length': String(length), 'content-type': 'text/plain' },
  });

  test.each([1, 16_384, 16_385, 200_000])('keeps its stream in Node while %i bytes are unread', async (length) => {
    const client = await open({ user: 'ada' }, post(length));
    await client.ready();
    client.socket.write('x'.repeat(length));
    await until('the stream to settle', async () => (await stats()).transports.stream === 1);
    await sendTo('ada', 'arrives');
    await until('the event', () => privates(client).length === 1);
    expect(client.ended).toBe(false);
    expect((await stats()).notHandedOff.request).toBeGreaterThan(0);
    // Node does not see the end of a connection behind bytes that nobody reads, until it writes.
    client.destroy();
    await until('the client to be gone', async () => (await sendTo('ada', 'anybody?')) === 0);
  });

  /** A server that reads the body at a chosen time: before it answers, or some time after. */
  const reader = (when: 'before' | 'after'): Promise<number> =>
    server.evaluate(async ({ require, state, handleSSE }, when) => {
      const { createServer } = require('node:http');
      const answering: import('node:http').RequestListener = (req, res) => {
        state.bytes = 0;
        state.all = false;
        const answer = (): unknown => handleSSE(req, res, { userId: 'ada' });
        const read = (then: () => void): void => {
          req.on('data', (bytes) => {
            state.bytes += bytes.length;
          });
          req.on('end', () => {
            state.all = true;
            then();
          });
        };
        if (when === 'before') return read(answer);
        answer();
        setTimeout(() => read(() => {}), 50);
      };
      const listening = createServer(answering);
      await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', () => resolve()));
      return listening.address().port as number;
    }, when);

  test.each([
    ['before', 1],
    ['after', 0],
  ] as const)('arrives whole if the application reads it %s it answers', async (when, handedOff) => {
    const client = await RawClient.request(await reader(when), { path: '/', ...post(100_000) });
    client.socket.write('x'.repeat(100_000));
    await client.ready();
    expect(await settled(1)).toBe(handedOff);
    await until('the body', async () => server.evaluate(({ state }) => state.all as boolean));
    expect(await server.evaluate(({ state }) => state.bytes as number)).toBe(100_000);
    await sendTo('ada', 'arrives');
    await until('the event', () => privates(client).length === 1);
  });
});

describe('clean-up hooks', () => {
  test.each(['res.close', 'res.emit', 'req.close', 'res.finish'])('%s waits for the client', async (watch) => {
    const user = `watcher of ${watch}`;
    const client = await open({ user, watch });
    await client.ready();
    expect(await settled(1)).toBe(1);
    await sendTo(user, 'still open');
    await until('the event', () => privates(client).length === 1);
    const heard = async (): Promise<string[]> => (await seen()).filter((line) => line.startsWith(user));
    expect(await heard()).toEqual([]);
    client.destroy();
    await until('the client to be gone', async () => (await stats()).clients === 0);
    const expected = watch === 'res.finish' ? [`${user} closed`] : [`${user} ${watch}`, `${user} closed`];
    await until('the hooks', async () => (await heard()).length === expected.length);
    expect((await heard()).sort()).toEqual(expected.sort());
  });

  test.each(['handle', 'pipe', 'read'])('`onClose` is called once when the client of %s is gone', async (via) => {
    const user = `closes ${via}`;
    const client = await open({ user, via });
    await client.ready();
    await settled(1);
    client.destroy();
    await until('it', async () => (await seen()).includes(`${user} closed`));
    await until('the client to be gone', async () => (await stats()).clients === 0);
    expect((await seen()).filter((line) => line === `${user} closed`)).toHaveLength(1);
  });

  test('a watched response ends its client when Node closes it', async () => {
    const client = await open({ user: 'ada', watch: 'res.close' });
    await client.ready();
    expect(await settled(1)).toBe(1);
    await server.evaluate(({ state }) => state.carriers.server.closeAllConnections());
    await until('the end', () => client.ended);
    await until('the client to be gone', async () => (await stats()).clients === 0);
  });

  test('writes of the application to a watched response cut no event', async () => {
    const client = await open({ user: 'ada', watch: 'res.close' });
    await client.ready();
    expect(await settled(1)).toBe(1);
    await server.evaluate(({ sse }) => sse.disconnectUser('ada'));
    await until('the end', () => client.ended);
    expect(client.isComplete).toBe(true);
  });
});

describe('the connection of a stream that has ended', () => {
  const ROUNDS = 50;

  /** Opens a stream by `stream`, has the server end it, and sends another request by `next`, again and again. */
  async function takeTurns(stream: () => Promise<unknown>, next: () => Promise<number>): Promise<void> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const ended = stream();
      expect(await settled(1)).toBe(1);
      await server.evaluate(({ sse }) => sse.disconnectUser('ada'));
      await ended;
      expect(await next()).toBe(200);
    }
  }

  test('is not used again by an agent that keeps connections', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        get({ port, agent, path }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        }).on('error', reject);
      });
    await takeTurns(
      () => ask('/stream?user=ada'),
      () => ask('/pool'),
    );
    agent.destroy();
  });

  test.each(['fetch', 'request'] as const)("is not used again by undici's %s", async (how) => {
    const dispatcher = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
    const ask = async (path: string): Promise<number> => {
      const url = `http://127.0.0.1:${port}${path}`;
      if (how === 'fetch') {
        const response = await fetchWith(url, { dispatcher });
        await response.text();
        return response.status;
      }
      const { statusCode, body } = await dispatcher.request({ path, method: 'GET' });
      await body.text();
      return statusCode;
    };
    await takeTurns(
      () => ask('/stream?user=ada'),
      () => ask('/pool'),
    );
    await dispatcher.close();
  });

  test('is not used again by nginx, which keeps connections to its upstreams', async () => {
    const again = 'proxy_http_version 1.1; proxy_set_header Connection "";';
    const nginx = await startNginx(port, { app: again }, { keepalive: true });
    const ask = async (path: string): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${nginx.port}/app${path}`);
      await response.text();
      return response.status;
    };
    await takeTurns(
      () => ask('/stream?user=ada'),
      () => ask('/pool'),
    );
  });
});

describe('random interleavings', () => {
  const one = fc.record({
    user: fc.integer({ min: 0, max: 3 }),
    at: fc.constantFrom('now', 'later', 'pooled', 'releases'),
    way: fc.constantFrom(
      ['handle', 'none'],
      ['handle', 'masks'],
      ['handle', 'masksLater'],
      ['handle', 'logs'],
      ['pipe', 'none'],
      ['pipe', 'none'],
      ['pipe', 'transform'],
      ['pipe', 'late'],
      ['pipe', 'reader'],
      ['sink', 'none'],
      ['writable', 'none'],
      ['read', 'none'],
    ),
    post: fc.constantFrom(0, 0, 0, 10, 40_000),
  });

  test('no client gets a byte that is for another user', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 2, maxLength: 8 }), async (requests) => {
        const clients = await Promise.all(
          requests.map(async ({ user, at, way: [via, through], post }) => {
            const options = post ? { method: 'POST', headers: { 'content-length': String(post) } } : {};
            const client = await open({ user: `user-${user}`, at, via, through }, options);
            if (post) client.socket.write('x'.repeat(post));
            return { client, user: `user-${user}` };
          }),
        );
        // A request that is still in the pool comes out in somebody else's context.
        const last = { client: await open({ user: 'user-9', at: 'releases' }), user: 'user-9' };
        const all = [...clients, last];
        await until('everybody', async () => {
          if ((await waiting()) > 0) closing.push(await open({ user: 'user-8', at: 'releases' }));
          return all.every(({ client }) => client.events().some(({ event }) => event === 'ssekit:ready'));
        });
        for (const user of new Set(all.map(({ user }) => user))) await sendTo(user, `for ${user}`);
        await until('their events', () => all.every(({ client }) => privates(client).length === 1));
        for (const { client, user } of all) {
          expect(privates(client)).toEqual([`for ${user}`]);
          expect((await client.ready()).userId).toBe(user);
          expect(client.body.toString()).not.toMatch(new RegExp(`user-(?!${user.slice(-1)})`));
        }
        closeClients();
        await until('all clients to be gone', async () => (await stats()).clients === 0);
      }),
      { numRuns: 25 },
    );
  });

  const closing: RawClient[] = [];
});
