/** `sse.listen()`: a server of ssekit's own, whose clients are the hub's like any others. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Listener, ListenOptions } from '../index';
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';
import { ARGUMENT, RANGE } from './support/witness';

const SECRET = 'a secret that only these tests know of';
const TOKEN = 'a-token-that-only-these-tests-know-of';

afterEach(closeClients);
afterEach(stopEvaluators);

/** Listens, and leaves the listener for later. */
async function listen({ sse, state }: Given, options?: ListenOptions): Promise<Pick<Listener, 'host' | 'port'>> {
  state.listener = await sse.listen(options);
  const { host, port } = state.listener;
  return { host, port };
}

const close = ({ state }: Given): Promise<void> => state.listener.close();
const broadcast = ({ sse }: Given, data: unknown): number => sse.broadcast({ event: 'news', data });

/** A process that listens, and the port. */
async function listening(options: ListenOptions): Promise<[Evaluator, number]> {
  const server = await Evaluator.start({ heartbeatMs: 3_600_000 });
  const { port } = await server.evaluate(listen, options);
  return [server, port as number];
}

const get = (port: number, path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}${path}`, init);

test('Node and the listener share one hub', async () => {
  const [server, port] = await listening({ anonymous: true });
  const here = await RawClient.stream(port, { path: '/events?clientId=here' });
  const there = await RawClient.stream(server.port, { path: '/sse?clientId=there' });
  expect(await server.evaluate(broadcast, 1)).toBe(2);
  for (const client of [here, there]) expect((await client.next(1))[0]).toMatchObject({ event: 'news', data: '1' });
  expect(await server.evaluate(({ sse }) => sse.getActiveClients().sort())).toEqual(['here', 'there']);
  expect(await server.evaluate(({ sse }) => sse.stats().transports.listener)).toBe(1);
  expect(await server.evaluate(({ sse }) => sse.disconnectClient('here'))).toBe(true);
  await until('the end', () => here.ended);
  expect(here.isComplete).toBe(true);
});

test('a page cut off at Node resumes at the listener', async () => {
  const [server, port] = await listening({ anonymous: true });
  const before = await RawClient.stream(server.port);
  await server.evaluate(broadcast, 1);
  const [seen] = await before.next(1);
  before.reset();
  await server.evaluate(broadcast, 2);
  const after = await RawClient.stream(port, { path: '/events', headers: { 'last-event-id': seen?.id as string } });
  expect((await after.next(1)).map(({ data }) => data)).toEqual(['2']);
});

test('a stream needs an issued ticket', async () => {
  const [server, port] = await listening({ tickets: { secret: SECRET } });
  const ticket = await server.evaluate(({ sse }) => sse.issueTicket({ userId: 42, clientId: 'tab' }));
  const client = await RawClient.stream(port, { path: `/events?ticket=${ticket}` });
  expect(await client.ready()).toMatchObject({ userId: '42', clientId: 'tab' });
  const refused = await get(port, '/events');
  expect([refused.status, await refused.text()]).toEqual([401, 'Unauthorized.\n']);
});

test('public keys verify the tickets of another party', async () => {
  const server = await Evaluator.start();
  const statuses = await server.evaluate(async ({ sse, require }) => {
    const { generateKeyPairSync, sign } = require('node:crypto') as typeof import('node:crypto');
    const pairs = {
      EdDSA: generateKeyPairSync('ed25519'),
      RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
      ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    };
    const keys = Object.entries(pairs).map(([alg, { publicKey }]) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid: `key of ${alg}`,
    }));
    const { port } = await sse.listen({ tickets: { keys } });
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = (alg: keyof typeof pairs, kid: string): string => {
      const exp = Math.floor(Date.now() / 1000) + 60;
      const message = `${encode({ alg, kid })}.${encode({ sub: 'ada', aud: 'ssekit', exp })}`;
      const key = { key: pairs[alg].privateKey, dsaEncoding: 'ieee-p1363' as const };
      const hash = alg === 'EdDSA' ? null : 'sha256';
      return `${message}.${sign(hash, Buffer.from(message), key).toString('base64url')}`;
    };
    const status = async (ticket: string): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${port}/events`, {
        headers: { authorization: `Bearer ${ticket}` },
      });
      await response.body?.cancel();
      return response.status;
    };
    return Promise.all([
      status(token('EdDSA', 'key of EdDSA')),
      status(token('RS256', 'key of RS256')),
      status(token('ES256', 'key of ES256')),
      status(token('EdDSA', 'key of RS256')),
      status(token('RS256', 'unknown')),
    ]);
  });
  expect(statuses).toEqual([200, 200, 200, 401, 401]);
});

test('only the event `error` says why a ticket was refused', async () => {
  const [server, port] = await listening({ tickets: { secret: SECRET } });
  await server.evaluate(({ sse, state }) => {
    state.errors = [];
    sse.on('error', (error) => state.errors.push(error.message));
  });
  const forged = await server.evaluate(({ sse }) => sse.issueTicket({ userId: 'ada', secret: 'x'.repeat(32) }));
  expect((await get(port, `/events?ticket=${forged}`)).status).toBe(401);
  const errors = await until('the error', async () => {
    const errors: string[] = await server.evaluate(({ state }) => state.errors);
    return errors.length > 0 && errors;
  });
  expect(errors).toEqual(['listener: refused a ticket from 127.0.0.1: its signature is wrong']);
});

test('events of another program arrive like local ones', async () => {
  const [, port] = await listening({ anonymous: true, publish: { token: TOKEN } });
  const client = await RawClient.stream(port, { path: '/events' });
  const response = await get(port, '/publish', {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ broadcast: true, event: { event: 'news', data: { n: 1 } } }),
  });
  const [event] = await client.next(1);
  expect(event).toMatchObject({ event: 'news', data: '{"n":1}' });
  expect(await response.json()).toEqual({ clients: 1, id: event?.id });
});

test('the metrics equal `stats`', async () => {
  const [server, port] = await listening({ anonymous: true, metrics: true });
  await RawClient.stream(port, { path: '/events' });
  await server.evaluate(broadcast, 1);
  const { metrics, stats } = await server.evaluate(({ sse }) => ({ metrics: sse.metrics(), stats: sse.stats() }));
  expect(metrics).toContain(`ssekit_events_total ${stats.events}\n`);
  expect(stats.lag).toEqual({ clients: 0, events: 0, ms: 0 });
  expect(metrics).toContain('ssekit_lagging_clients 0\n');
  expect(metrics).toContain('ssekit_clients{transport="listener"} 1\n');
  expect(await (await get(port, '/metrics')).text()).toContain('ssekit_listener_connections 2\n');
});

test('documentation and dashboard name the existing metrics', async () => {
  // Nobody is there, but its metrics are.
  const server = await Evaluator.start({ backplane: { redis: 'redis://127.0.0.1:1' } });
  const { port } = await server.evaluate(listen, { anonymous: true, metrics: true });
  const text = await (await get(port as number, '/metrics')).text();
  const names = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name).sort();
  const doc = (file: string): string => readFileSync(join(__dirname, '..', 'docs', file), 'utf8');
  const [, table = ''] = /^\| metric .*?\n(.*?)\n\n/ms.exec(doc('listener.md')) ?? [];
  expect([...table.matchAll(/`(ssekit_\w+)`/g)].map(([, name]) => name).sort()).toEqual(names);
  const asked = [...doc('grafana-dashboard.json').matchAll(/ssekit_\w+/g)].map(([name]) =>
    name.replace(/_bucket$/, ''),
  );
  expect(asked.filter((name) => !names.includes(name))).toEqual([]);
});

test('HTTP/2 carries many streams on one connection, without TLS and with it', async () => {
  const server = await Evaluator.start({ heartbeatMs: 3_600_000 });
  for (const tls of [false, true]) {
    const { port } = await server.evaluate(
      async ({ sse, require }, tls, certificate) => {
        const pair: { cert: Buffer; key: Buffer } = require(certificate).certificate();
        const { port } = await sse.listen({ anonymous: true, ...(tls ? { tls: pair } : {}) });
        return { port };
      },
      tls,
      join(__dirname, 'support', 'certificate.cjs'),
    );
    const session = connect(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`, { rejectUnauthorized: false });
    const bodies = Array.from({ length: 20 }, () => {
      const stream = session.request({ ':path': '/events' });
      const body = { text: '' };
      stream.on('data', (bytes) => {
        body.text += bytes;
      });
      return body;
    });
    await until('all streams to begin', () => bodies.every(({ text }) => text.includes('ssekit:ready')));
    expect(await server.evaluate(broadcast, 'x')).toBe(20);
    await until('the event on all streams', () => bodies.every(({ text }) => text.includes('data: "x"\n')));
    session.destroy();
    await until('all to be gone', async () => (await server.evaluate(({ sse }) => sse.stats().clients)) === 0);
  }
});

test("clients are served while Node's event loop stands still", async () => {
  const [server] = await listening({ anonymous: true, publish: { token: TOKEN } });
  const served = await server.evaluate(
    ({ state, require }, script, token) => {
      const { execFileSync } = require('node:child_process') as typeof import('node:child_process');
      // Node waits here, and does nothing else, until the other process has had its stream and its event.
      const output = execFileSync(process.execPath, [script, String(state.listener.port), token], { timeout: 30_000 });
      return JSON.parse(output.toString());
    },
    join(__dirname, 'programs', 'publishes-to-itself.mjs'),
    TOKEN,
  );
  expect(served).toEqual({ clients: 1, received: 1 });
});

test('a Unix socket carries streams', async () => {
  const socketPath = join(tmpdir(), `ssekit-listen-${process.pid}.sock`);
  const server = await Evaluator.start({ heartbeatMs: 3_600_000 });
  expect(await server.evaluate(listen, { socketPath, anonymous: true })).toEqual({ host: null, port: null });
  const client = await RawClient.stream(socketPath, { path: '/events' });
  await server.evaluate(broadcast, 1);
  expect(await client.next(1)).toHaveLength(1);
  await server.evaluate(close);
});

/** Listens on a port that was closed. Another process may have been given it meanwhile, for a connection that soon ends. */
async function listensAgain(server: Evaluator, options: ListenOptions): Promise<void> {
  await until('the port to be free', async () => {
    const address = await server.evaluate(listen, options).catch((error: Error) => error);
    if (address instanceof Error && !address.message.includes('another socket listens')) throw address;
    if (!(address instanceof Error)) expect(address).toEqual({ host: '127.0.0.1', port: options.port });
    return !(address instanceof Error);
  });
}

test('closing ends only its own streams and frees the port', async () => {
  const [server, port] = await listening({ anonymous: true });
  const here = await RawClient.stream(port, { path: '/events' });
  const there = await RawClient.stream(server.port);
  await server.evaluate(broadcast, 1);
  await server.evaluate(close);
  await until('the end', () => here.ended);
  expect(here.isComplete).toBe(true);
  expect(await here.next(1)).toHaveLength(1);
  await server.evaluate(broadcast, 2);
  expect(await there.next(2)).toHaveLength(2);
  await listensAgain(server, { port, anonymous: true });
});

test('the same options give the same listener, as in a hot reload', async () => {
  const [server, port] = await listening({ anonymous: true });
  await server.evaluate(close);
  const options = { port, anonymous: true };
  await listensAgain(server, options);
  const client = await RawClient.stream(port, { path: '/events' });
  await server.evaluate(listen, options);
  await server.evaluate(broadcast, 1);
  expect(await client.next(1)).toHaveLength(1);
  const other = await server.thrownBy(listen, { port, anonymous: true, path: '/other' });
  expect(other).toMatchObject({ class: 'Error', code: 'ERR_SSEKIT_CONFIGURED' });
  const taken = await server.thrownBy(listen, { port: server.port, anonymous: true });
  expect(taken).toMatchObject({ class: 'Error', code: 'ERR_SSEKIT_SYSTEM' });
});

test('no option can change while it listens', async () => {
  const cors = { origins: ['https://a.example'], credentials: true, maxAgeSeconds: 60 };
  const tickets = { secret: SECRET, audience: 'a', issuer: 'i', leewaySeconds: 5, oneTime: true, cookie: 'c' };
  const limits = {
    ...{ connections: 1_000, connectionsPerAddress: 100, acceptsPerSecond: 100, headerTimeoutMs: 1_000 },
    ...{ bodyTimeoutMs: 1_000, idleTimeoutMs: 1_000, headerBytes: 16_000, headers: 50, urlBytes: 4_000 },
    ...{ bodyBytes: 2_048, streamsPerConnection: 10 },
  };
  const switches = { anonymous: true, trustProxy: true, traceContext: false };
  const given = { path: '/stream', cors, tickets, limits, publish: { token: TOKEN }, metrics: true, ...switches };
  const [server, port] = await listening(given);
  await server.evaluate(close);
  const options: ListenOptions = { ...given, port };
  await listensAgain(server, options);
  const within = (group: 'cors' | 'tickets' | 'limits', changed: object): ListenOptions => ({
    ...options,
    [group]: { ...options[group], ...changed },
  });
  const others: ListenOptions[] = [
    { ...options, path: '/other' },
    ...Object.entries(switches).map(([name, value]) => ({ ...options, [name]: !value })),
    ...(['cors', 'tickets', 'publish', 'metrics'] as const).map((name) => ({ ...options, [name]: undefined })),
    { ...options, publish: { token: `${TOKEN}-2` } },
    { ...options, metrics: { token: TOKEN } },
    within('cors', { origins: ['https://b.example'] }),
    within('cors', { credentials: false }),
    within('cors', { maxAgeSeconds: 61 }),
    within('tickets', { secret: [SECRET, `${SECRET}!`] }),
    within('tickets', { keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }] }),
    ...(['audience', 'issuer', 'cookie'] as const).map((name) => within('tickets', { [name]: 'other' })),
    within('tickets', { leewaySeconds: 6 }),
    within('tickets', { oneTime: false }),
    ...Object.entries(limits).map(([name, value]) => within('limits', { [name]: value + 1 })),
  ];
  for (const other of others) {
    const thrown = await server.thrownBy(listen, other);
    expect([other, thrown]).toMatchObject([other, { class: 'Error', code: 'ERR_SSEKIT_CONFIGURED' }]);
  }
  expect(await server.evaluate(listen, options)).toEqual({ host: '127.0.0.1', port });
});

test('unusable options are named without showing secrets', async () => {
  const server = await Evaluator.start();
  const refusals: [unknown, object, string[]][] = [
    [{}, ARGUMENT, ['tickets', 'anonymous']],
    [5, ARGUMENT, ['options: got 5']],
    [{ anonymous: 1 }, ARGUMENT, ['options.anonymous: got 1', 'wants true or false']],
    [{ anonymous: true, host: 'a\ud800' }, ARGUMENT, ['half of a surrogate pair']],
    [{ anonymous: true, host: 5 }, ARGUMENT, ['options.host: got 5']],
    [{ anonymous: true, port: 65_536 }, RANGE, ['options.port: got 65536']],
    [{ anonymous: true, port: 1, socketPath: '/tmp/x' }, ARGUMENT, ['options.socketPath']],
    [{ anonymous: true, cert: '' }, ARGUMENT, ['options.cert', 'no such option', 'tls']],
    [{ anonymous: true, path: 'events' }, ARGUMENT, ['options.path: got "events"']],
    [{ anonymous: true, cors: { origins: 'https://a.example' } }, ARGUMENT, ['options.cors.origins']],
    [{ anonymous: true, cors: { origins: ['*'], credentials: true } }, ARGUMENT, ['with `credentials: true`']],
    [{ tickets: { secret: 'my-secret' } }, ARGUMENT, ['options.tickets.secret: got 9 bytes']],
    [{ tickets: { secret: ['my-secret', 5] } }, ARGUMENT, ['options.tickets.secret']],
    [{ tickets: { keys: [{ kty: 'oct', k: 'my-secret' }] } }, ARGUMENT, ['options.tickets.keys']],
    [{ tickets: {} }, ARGUMENT, ['options.tickets: got neither']],
    [{ publish: { token: 'my-secret' } }, ARGUMENT, ['options.publish.token: got 9 characters']],
    [{ anonymous: true, metrics: { token: 'my-secret' } }, ARGUMENT, ['options.metrics.token']],
    [{ anonymous: true, tls: { cert: 'my-secret', key: 'my-secret' } }, ARGUMENT, ['options.tls.cert']],
    [{ anonymous: true, limits: { headers: 0 } }, RANGE, ['options.limits.headers: got 0']],
    [{ anonymous: true, limits: { nope: 0 } }, ARGUMENT, ['options.limits.nope', 'no such option']],
  ];
  for (const [options, error, says] of refusals) {
    const thrown = await server.thrownBy(listen, options as ListenOptions);
    expect(thrown).toMatchObject(error);
    for (const part of says) expect(thrown.message).toContain(part);
    expect(thrown.message).not.toContain('my-secret');
  }
});

test('the environment fills in missing options', async () => {
  const server = await Evaluator.start();
  const cases = await server.evaluate(async ({ sse, require }) => {
    const { writeFileSync } = require('node:fs') as typeof import('node:fs');
    const keys = `${require('node:os').tmpdir()}/ssekit-keys-${process.pid}.json`;
    const { publicKey } = (require('node:crypto') as typeof import('node:crypto')).generateKeyPairSync('ed25519');
    writeFileSync(keys, JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }));
    Object.assign(process.env, {
      SSEKIT_HOST: '127.0.0.1',
      SSEKIT_PATH: '/stream',
      SSEKIT_TICKET_SECRET: `${'n'.repeat(32)} ${'o'.repeat(32)}`,
      SSEKIT_TICKET_KEYS: keys,
      SSEKIT_CORS_ORIGINS: 'https://a.example, https://b.example',
      SSEKIT_CORS_CREDENTIALS: 'true',
      SSEKIT_METRICS_TOKEN: 't'.repeat(32),
    });
    const { port } = await sse.listen();
    const at = `http://127.0.0.1:${port}`;
    const ask = async (path: string, headers = {}): Promise<[number, string | null]> => {
      const response = await fetch(at + path, { headers });
      await response.body?.cancel();
      return [response.status, response.headers.get('access-control-allow-origin')];
    };
    const mine = sse.issueTicket({ userId: 'ada' });
    const older = sse.issueTicket({ userId: 'ada', secret: 'o'.repeat(32) });
    const answers = [
      await ask(`/stream?ticket=${mine}`, { origin: 'https://b.example' }),
      await ask(`/stream?ticket=${older}`),
      await ask('/stream'),
      await ask('/metrics'),
      await ask('/metrics', { authorization: `Bearer ${'t'.repeat(32)}` }),
    ];
    process.env.SSEKIT_ANONYMOUS = 'yes';
    const refused = await sse.listen().catch((error) => error.message);
    return { answers, refused };
  });
  expect(cases.answers).toEqual([
    [200, 'https://b.example'],
    [200, null],
    [401, null],
    [401, null],
    [200, null],
  ]);
  expect(cases.refused).toContain('SSEKIT_ANONYMOUS: got "yes"');
});

test('no ticket is issued without a secret', async () => {
  const server = await Evaluator.start();
  expect(await server.thrownBy(({ sse }) => sse.issueTicket({ anonymous: true }))).toMatchObject({
    code: 'ERR_SSEKIT_SECRET',
  });
  const issue = ({ sse }: Given, ticket: object): string => sse.issueTicket(ticket);
  const refusals: [object, object, string][] = [
    [{ ttl: 0 }, RANGE, 'ttl'],
    [{ ttl: 1.5 }, RANGE, 'ticket.ttl'],
    [{ ttl: '60' }, ARGUMENT, 'ticket.ttl'],
    [{ exp: 5 }, ARGUMENT, 'no such option'],
    [{ userId: {} }, ARGUMENT, 'userId'],
    [{ userId: '' }, ARGUMENT, 'userId'],
    [{ clientId: 'é' }, ARGUMENT, 'clientId'],
    [{ secret: 'short' }, ARGUMENT, 'secret: got 5 bytes'],
    [{ channels: 'news' }, ARGUMENT, 'ticket.channels'],
    [{ channels: [7] }, ARGUMENT, 'ticket.channels'],
    [{ channels: ['\ud800'] }, ARGUMENT, 'ticket.channels'],
    [{ channels: [''] }, ARGUMENT, 'ticket.channel'],
    [{ channels: ['**'] }, ARGUMENT, 'ticket.channels: got "**"'],
    [{ channels: ['news', 'order*:'] }, ARGUMENT, 'ticket.channels: got "order*:"'],
    [{ channels: ['x'.repeat(257)] }, ARGUMENT, 'ticket.channel'],
    [{ channels: Array.from({ length: 999 }, (_, number) => `order:${number}`) }, RANGE, 'at most 4,096'],
  ];
  for (const [ticket, error, says] of refusals) {
    const thrown = await server.thrownBy(issue, { secret: SECRET, anonymous: true, ...ticket });
    expect(thrown).toMatchObject(error);
    expect(thrown.message).toContain(says);
  }
});

test('the ticket route answers known users', async () => {
  const server = await Evaluator.start();
  const answers = await server.evaluate(async ({ require }) => {
    const { createTicketRoute } = require('ssekit/next') as typeof import('../ts/next/index');
    process.env.SSEKIT_TICKET_SECRET = 's'.repeat(32);
    const who = {
      ada: 'ada',
      nobody: null,
      full: { userId: 7, ttl: 5, channels: ['news', 'order:*'] },
      own: new Response('no', { status: 418 }),
    };
    const identify = (request: Request) => who[request.headers.get('x-who') as keyof typeof who];
    const { POST } = createTicketRoute({ identify, ttl: 60 });
    return Promise.all(
      Object.keys(who).map(async (name) => {
        const response = await POST(new Request('http://localhost', { method: 'POST', headers: { 'x-who': name } }));
        const body = response.status === 200 ? await response.json() : undefined;
        const claims = body && JSON.parse(Buffer.from(body.ticket.split('.')[1], 'base64url').toString());
        return [
          response.status,
          body?.expiresIn,
          claims?.sub,
          claims && Math.ceil(claims.exp - claims.iat),
          claims?.ch,
        ];
      }),
    );
  });
  expect(answers).toEqual([
    [200, 60, 'ada', 60, undefined],
    [401, undefined, undefined, undefined, undefined],
    [200, 5, '7', 5, ['news', 'order:*']],
    [418, undefined, undefined, undefined, undefined],
  ]);
});
