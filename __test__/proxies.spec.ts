/**
 * Streams through real proxies that keep their connections to the server and use them again. The connection of a handed-off
 * stream ends with the stream: a proxy that sent another request over it would answer 502.
 */
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { startCaddy, startHAProxy, startNginx } from './support/proxies';
import { type ProxyProcess, stopProxies } from './support/proxy-process';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

const ROUNDS = 200;

/** The way to start each proxy in front of a port. */
const PROXIES: [name: string, start: (upstream: number) => Promise<ProxyProcess>][] = [
  ['nginx', startKeepingNginx],
  ['Caddy', startCaddy],
  ['HAProxy', startHAProxy],
];

afterEach(closeClients);
afterEach(stopProxies);
afterEach(stopEvaluators);

/** As docs/deploying.md has it. */
function startKeepingNginx(upstream: number): Promise<ProxyProcess> {
  const directives = 'proxy_http_version 1.1; proxy_set_header Connection "";';
  return startNginx(upstream, { '': directives }, { keepalive: true });
}

/**
 * Node's own server: streams at `/events`, an ordinary answer elsewhere. It closes no idle connection, and counts in `state`
 * what comes over a connection that has carried an ordinary request before.
 */
async function serve({ require, state, handleSSE }: Given): Promise<number> {
  const { createServer } = require('node:http') as typeof import('node:http');
  const used = new WeakSet<object>();
  state.reused = { requests: 0, streams: 0 };
  const server = createServer((req, res) => {
    const isStream = req.url?.startsWith('/events');
    if (used.has(req.socket)) state.reused[isStream ? 'streams' : 'requests'] += 1;
    if (isStream) {
      handleSSE(req, res, { anonymous: true });
    } else {
      used.add(req.socket);
      req.resume().on('end', () => res.end('an ordinary answer'));
    }
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as import('node:net').AddressInfo).port;
}

async function listen({ sse }: Given): Promise<number> {
  return (await sse.listen({ anonymous: true })).port as number;
}

/** Receives an event through the proxy by this transport, and has one side end the stream. */
async function streamOnce(
  server: Evaluator,
  port: number,
  transport: 'handoff' | 'listener',
  endedBy: 'client' | 'server',
  headers: Record<string, string>,
): Promise<void> {
  const client = await RawClient.stream(port, { path: '/events', headers });
  const { clientId } = await client.ready();
  await until('the transport', () =>
    server.evaluate(({ sse }, transport) => sse.stats().transports[transport] === 1, transport),
  );
  await server.evaluate(({ sse }, id) => sse.broadcast({ event: 'news', data: id }), clientId);
  await client.next(1);
  // The event has come while the stream is open, so nothing holds it back.
  expect(client.ended).toBe(false);
  if (endedBy === 'server') {
    // The next request is to go out at once: a poll would come when the proxy has seen the connection close.
    const complete = new Promise<void>((resolve) => client.socket.on('data', () => client.isComplete && resolve()));
    await server.evaluate(({ sse }, id) => sse.disconnectClient(id), clientId);
    await complete;
  }
  expect((await client.next(1)).map(({ data }) => JSON.parse(data))).toEqual([clientId]);
  client.destroy();
  if (endedBy === 'client') {
    await until('the client to be gone', () => server.evaluate(({ sse }) => sse.stats().clients === 0));
  }
}

/** undici gets another header than the rest, but not through a proxy, which forwards the first of these two alone. */
const AS_UNDICI = { 'user-agent': 'node', connection: 'keep-alive' };

/** Streams and ordinary requests in turn. */
async function takeTurns(
  server: Evaluator,
  port: number,
  transport: 'handoff' | 'listener',
  path: string,
  methods: string[],
): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const headers = round % 4 < 2 ? {} : AS_UNDICI;
    await streamOnce(server, port, transport, round % 2 === 0 ? 'server' : 'client', headers);
    for (const method of methods) {
      const body = method === 'POST' ? 'a body' : null;
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body });
      await response.text();
      expect([round, method, response.status]).toEqual([round, method, 200]);
    }
  }
  const { disconnects } = await server.evaluate(({ sse }) => sse.stats());
  expect(disconnects).toMatchObject({ server: ROUNDS / 2, peer: ROUNDS / 2 });
}

test.each(PROXIES)('%s leaves the connection of a handed-off stream alone', async (_name, start) => {
  const server = await Evaluator.start({ heartbeatMs: 3_600_000 });
  const proxy = await start(await server.evaluate(serve));
  // A proxy silently repeats a GET on another connection, but no POST that has a body.
  await takeTurns(server, proxy.port, 'handoff', '/', ['POST', 'GET']);
  // Without these the proxy had no connection to use again, and the test would show nothing.
  const { requests, streams } = await server.evaluate(({ state }) => state.reused);
  expect(requests).toBeGreaterThan(ROUNDS / 2);
  expect(streams).toBeGreaterThan(ROUNDS / 2);
});

test.each(PROXIES)("%s leaves the connection of a listener's stream alone", async (_name, start) => {
  const server = await Evaluator.start({ heartbeatMs: 3_600_000 });
  const proxy = await start(await server.evaluate(listen));
  await takeTurns(server, proxy.port, 'listener', '/healthz', ['GET']);
});
