/** Each message, in whole: which argument is wrong, what it got, and what it wants. None shows a secret. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ListenOptions } from '../index';
import { Evaluator, type Given, stopEvaluators, type Thrown } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';

const { certificate } = require('./support/certificate.cjs');

afterAll(closeClients);
afterAll(stopEvaluators);

/** A text of 40 characters, as long as a secret must be. */
const LONG = 'x'.repeat(40);

/** Secrets that no message may contain: a value under a misspelt name, a password, a token, a key. */
const SECRET = 's3cret';

type Call = (given: Given) => unknown;

let server: Evaluator;

beforeAll(async () => {
  server = await Evaluator.start({ limits: { clients: 2, clientsPerUser: 1, channelsPerClient: 2 } });
});

function expectRefusal(thrown: Thrown, code: string, says: string | RegExp): void {
  expect(thrown.message).not.toContain(SECRET);
  // A text that also has words of the system is matched by its own words.
  const message = says instanceof RegExp ? expect.stringMatching(says) : says;
  expect({ code: thrown.code, message: thrown.message }).toEqual({ code, message });
}

const listen = ({ sse }: Given, options: ListenOptions): unknown => sse.listen(options);

describe('a call says what is wrong', () => {
  const calls: [Call, string, string?][] = [
    [({ sse }) => sse.broadcast({} as never), 'event: got neither event nor data, wants at least one of them'],
    [
      ({ sse }) => sse.broadcast(Promise.resolve({ data: 1 }) as never),
      'event: got an object of the kind Promise, wants an object { event, data, id?, retry? }',
    ],
    [
      ({ sse }) => sse.connect(new Request('http://a/'), { userId: 'a', headers: { 'x-a': 's3cret\nb' } }),
      'headers.x-a: got a value that HTTP does not allow, wants text of one line in Latin-1',
    ],
    [({ sse }) => sse.isOnline('a', null as never), 'options: got null, wants an object { scope? }'],
    [({ sse }) => sse.isOnline('a', { scop: 'local' } as never), 'options.scop: no such option; known are scope'],
    [({ sse }) => sse.sendToUser('', { data: 1 }), 'userId: got an empty string, wants 1 to 256 bytes'],
    [
      ({ sse }) => sse.broadcast({ event: 'ssekit:x', data: 1 }),
      'event.event: got text that begins with `ssekit:`, wants another beginning, because this one is reserved for ssekit',
    ],
    [
      ({ sse }) => sse.broadcast({ event: 'a\nb', data: 1 }),
      'event.event: got the control character U+000A, wants a name without control characters',
    ],
    [
      ({ sse }) => sse.broadcast({ id: 'é', data: 1 }),
      'event.id: got a character outside of ASCII, wants 1 to 256 printable ASCII characters, without a space at either end',
    ],
    [
      ({ sse }) => sse.broadcast({ data: 1, retry: -1 }),
      'event.retry: got -1, wants milliseconds as a non-negative safe integer',
    ],
    [
      ({ sse }) => sse.subscribe({} as never, 'a'),
      'target: got neither clientId nor userId, wants exactly one of them',
    ],
    [
      ({ sse }) => sse.subscribe({ clientId: 'a', userId: 'b' } as never, 'a'),
      'target: got both clientId and userId, wants exactly one of them',
    ],
    [
      ({ sse }) => sse.history({} as never),
      'audience: got no audience, wants exactly one of userId, channel and broadcast: true',
    ],
    [
      ({ sse }) => sse.history({ userId: 'a', broadcast: true } as never),
      'audience: got userId and broadcast, wants exactly one of userId, channel and broadcast: true',
    ],
    [
      ({ sse }) => sse.history({ userId: 'a' }, { limit: 0 }),
      'options.limit: got 0, wants an integer from 1 to 10,000',
      'ERR_SSEKIT_RANGE',
    ],
    [
      ({ sse }) => sse.history({ userId: 'a' }, { after: 'nothing.1' }),
      'options.after: got "nothing.1", wants the id of an event in the history',
      'ERR_SSEKIT_EVICTED',
    ],
    [
      ({ sse }) => sse.connect({ headers: {} } as never),
      'request: got an object, wants a web Request; handleSSE of ssekit/node takes the request of Node.js',
    ],
    [
      ({ sse }) => sse.connect(new Request('http://a/'), { userId: 'a', pasword: 's3cret' } as never),
      'client.pasword: no such option; known are userId, clientId, anonymous, channels, data, since, welcome, address, headers, onClose',
    ],
    [
      ({ handleSSE }) => handleSSE(new Request('http://a/') as never, {} as never),
      'req: got an object of the kind Request, wants the request of Node.js; SSEService.connect takes a web Request',
    ],
    [
      ({ handleSSE }) => handleSSE({ headers: {} } as never, undefined as never),
      'res: got undefined, wants the response of Node.js',
    ],
    [
      ({ sse }) => sse.broadcast({ data: 'x'.repeat(2_000_000) }),
      'event: got 2,000,002 bytes or more, wants at most 1,048,576 on the wire (maxEventBytes)',
      'ERR_SSEKIT_RANGE',
    ],
    [
      ({ sse }) => sse.connect(new Request('http://a/'), { userId: 'a', channels: ['a', 'b', 'c'] }),
      'channels: got 3 channels, wants at most 2 (limits.channelsPerClient)',
      'ERR_SSEKIT_RANGE',
    ],
    [
      ({ sse }) => sse.connect(new Request('http://a/'), { userId: 'a', data: 'x'.repeat(2_000) }),
      'data: got 2,002 bytes of JSON, wants at most 1,024',
      'ERR_SSEKIT_RANGE',
    ],
    [
      ({ require }) => require('ssekit/next').createSSERoute(),
      'options: got undefined, wants an object { identify, authorize?, resume?, allowedOrigins? }',
    ],
    [({ require }) => require('ssekit/next').createSSERoute({}), 'options.identify: got undefined, wants a function'],
    [
      ({ require }) => require('ssekit/next').createTicketRoute({ identify: 5 }),
      'options.identify: got 5, wants a function',
    ],
  ];

  test.each(calls.map(([call, says, code]) => [says, call, code] as const))(
    '%s',
    async (says, call, code = 'ERR_SSEKIT_ARGUMENT') => {
      expectRefusal(await server.thrownBy(call), code, says);
    },
  );

  test('one channel too many', async () => {
    await RawClient.stream(server.port, { path: '/sse?userId=ada&clientId=tab' });
    const subscribe: Call = ({ sse }) => ['a', 'b', 'c'].map((channel) => sse.subscribe({ clientId: 'tab' }, channel));
    const says = 'channel: got one more channel, wants at most 2 (limits.channelsPerClient)';
    expect(await server.thrownBy(subscribe)).toMatchObject({
      class: 'RangeError',
      code: 'ERR_SSEKIT_CHANNELS_FULL',
      message: says,
    });
  });
});

describe('an option says what is wrong', () => {
  test.each<[unknown, string | RegExp, string?]>([
    [{ pasword: SECRET }, /^options\.pasword: no such option; known are transport, .*drainOnSigterm$/],
    [{ limits: { clients: 'x' } }, 'options.limits.clients: got "x", wants an integer from 1 to 10,000,000'],
    [
      { limits: { clients: 0 } },
      'options.limits.clients: got 0, wants an integer from 1 to 10,000,000',
      'ERR_SSEKIT_RANGE',
    ],
    [
      { limits: { cleints: SECRET } },
      'options.limits.cleints: no such option; known are clients, clientsPerUser, clientsPerAddress, channelsPerClient',
    ],
    [
      { channels: { 'a\n': {} } },
      'options.channels["a\\n"]: got the control character U+000A, wants a name without control characters',
    ],
    [
      { backplane: { redis: `http://ada:${SECRET}@a` } },
      'options.backplane.redis: got a URL with the scheme http, wants redis://[user[:password]@]host[:port][/database]',
    ],
    [
      { backplane: { redis: SECRET } },
      'options.backplane.redis: got text that is not a URL, wants redis://[user[:password]@]host[:port][/database]',
    ],
    [
      { backplane: { redis: `redis://ada:${SECRET}@a/b` } },
      'options.backplane.redis: got a database that is not a number, wants redis://[user[:password]@]host[:port][/database]',
    ],
    [
      { backplane: { redis: 'redis://a', prefix: '' } },
      'options.backplane.prefix: got "", wants 1 to 128 letters, digits and the characters - _ . : /',
    ],
    [
      { backplane: { redis: 'rediss://a', ca: SECRET } },
      'options.backplane.ca: got text without a usable certificate, wants certificates in PEM for rediss://',
    ],
    [{ backplane: { file: '' } }, 'options.backplane.file: got an empty string, wants the path of a folder'],
  ])('configure: %j', async (options, says, code = 'ERR_SSEKIT_ARGUMENT') => {
    const configure = ({ SSEService }: Given, options: unknown): unknown => SSEService.configure(options as never);
    expectRefusal(await server.thrownBy(configure, options), code, says);
  });

  test.each<[object, string | RegExp, string?]>([
    [{}, 'options: got a listener that nobody could use, wants `tickets`, `anonymous: true` or `publish`'],
    [
      { anonymous: true, path: '/publish' },
      'options.path: got "/publish", which the listener uses itself, wants another path',
    ],
    [{ publish: { token: SECRET } }, 'options.publish.token: got 6 characters, wants at least 32'],
    [
      { publish: { token: `${SECRET} ${LONG}` } },
      'options.publish.token: got a space or a character outside of printable ASCII, wants printable ASCII characters without spaces',
    ],
    [{ publish: { tokn: SECRET } }, 'options.publish: got an object, wants an object { token: string }'],
    [{ tickets: {} }, 'options.tickets: got neither `secret` nor `keys`, wants at least one of them'],
    [{ tickets: { secret: SECRET } }, 'options.tickets.secret: got 6 bytes, wants at least 32'],
    [
      { tickets: { secret: LONG, cookie: 'a b' } },
      'options.tickets.cookie: got "a b", wants the name of a cookie: letters, digits and !#$%&\'*+-.^_`|~',
    ],
    [
      { tickets: { keys: [{ kty: 'oct', k: SECRET }] } },
      'options.tickets.keys[0]: got an unusable key with kty "oct", wants a public JSON Web Key: OKP with Ed25519, EC with P-256, or RSA with at least 2,048 bits',
    ],
    [
      { tickets: { keys: [SECRET] } },
      'options.tickets.keys[0]: got no JSON Web Key, wants a public JSON Web Key: OKP with Ed25519, EC with P-256, or RSA with at least 2,048 bits',
    ],
    [
      { tickets: { keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'ES256', x: 'A'.repeat(43) }] } },
      'options.tickets.keys[0].alg: got "ES256", wants EdDSA, the only algorithm for such a key',
    ],
    [
      { anonymous: true, cors: { origins: ['*'], credentials: true } },
      'options.cors.origins: got "*" with `credentials: true`, wants the origins that may send cookies',
    ],
    [
      { anonymous: true, cors: { origins: ['*', 'https://a.b'] } },
      'options.cors.origins: got "*" beside other origins, wants "*" alone, or a list of origins',
    ],
    [
      { anonymous: true, tls: { cert: SECRET, key: SECRET } },
      'options.tls.cert: got text without a certificate, wants a certificate chain in PEM',
    ],
    [
      { anonymous: true, socketPath: '/a', port: 1 },
      'options.socketPath: got "/a" beside a TCP address, wants none of `host`, `port` and `reusePort` beside it',
    ],
    [
      { anonymous: true, socketPath: '/nowhere/a' },
      /^options\.socketPath: got "\/nowhere\/a", but listening there fails \(.*\), wants another path$/,
      'ERR_SSEKIT_SYSTEM',
    ],
    [
      { anonymous: true, host: 'nowhere.invalid' },
      /^options\.host: got "nowhere\.invalid", which has no address \(.*\), wants an IP address, or a name that has one$/,
      'ERR_SSEKIT_SYSTEM',
    ],
    [
      { anonymous: true, host: '192.0.2.1' },
      'options.host: got "192.0.2.1", which is no address of this machine, wants one of its addresses',
      'ERR_SSEKIT_SYSTEM',
    ],
  ])('listen: %j', async (options, says, code = 'ERR_SSEKIT_ARGUMENT') => {
    expectRefusal(await server.thrownBy(listen, options), code, says);
  });

  test.each<[Record<string, string>, string | RegExp]>([
    [{ SSEKIT_PORT: 'x' }, 'SSEKIT_PORT: got "x", wants a number'],
    [{ SSEKIT_TLS_CERT: '/a' }, 'SSEKIT_TLS_KEY: got none beside SSEKIT_TLS_CERT, wants both, or neither'],
    [{ SSEKIT_TLS_KEY: '/a' }, 'SSEKIT_TLS_CERT: got none beside SSEKIT_TLS_KEY, wants both, or neither'],
    [
      { SSEKIT_TICKET_KEYS: '/nowhere/a' },
      /^SSEKIT_TICKET_KEYS: got a file that cannot be read \(ENOENT.*\), wants the path of a readable file$/,
    ],
    [
      { SSEKIT_TICKET_KEYS: join(__dirname, 'messages.spec.ts') },
      'SSEKIT_TICKET_KEYS: got a file that is not JSON, wants a JSON Web Key Set: { "keys": [...] }',
    ],
  ])('the environment %j', async (variables, says) => {
    const withVariables = async ({ sse }: Given, variables: Record<string, string>): Promise<unknown> => {
      Object.assign(process.env, variables);
      try {
        return await sse.listen({ anonymous: true });
      } finally {
        for (const name of Object.keys(variables)) delete process.env[name];
      }
    };
    expectRefusal(await server.thrownBy(withVariables, variables), 'ERR_SSEKIT_ARGUMENT', says);
  });

  test('a port that is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const thrown = await server.thrownBy(listen, { anonymous: true, port });
    taken.close();
    const says = `options.port: got ${port}, but another socket listens on 127.0.0.1:${port} already, wants a free port`;
    expectRefusal(thrown, 'ERR_SSEKIT_SYSTEM', says);
  });

  test('a certificate without its key', async () => {
    const options = { anonymous: true, tls: { cert: `${certificate().cert}`, key: SECRET } };
    const says = 'options.tls.key: got text without a readable private key, wants one in PEM, not encrypted';
    expectRefusal(await server.thrownBy(listen, options), 'ERR_SSEKIT_ARGUMENT', says);
  });

  test.each<[object, string, string?]>([
    [
      { userId: 'a' },
      'ticket.secret: got none, wants a secret of at least 32 bytes here, in SSEKIT_TICKET_SECRET or in `tickets` of a listener',
      'ERR_SSEKIT_SECRET',
    ],
    [{ userId: 'a', secret: SECRET }, 'ticket.secret: got 6 bytes, wants at least 32'],
    [{ secret: LONG }, 'ticket.userId: got undefined, wants a user, or `anonymous: true` instead'],
    [
      { userId: 'a', secret: LONG, ttl: 1e9 },
      'ticket.ttl: got 1000000000, wants an integer from 1 to 2,592,000',
      'ERR_SSEKIT_RANGE',
    ],
    [
      { userId: 'a', secret: LONG, notBefore: 2_592_000, ttl: 60 },
      'ticket.notBefore: got 2,592,000 s with a ttl of 60 s, wants both together within 30 days',
      'ERR_SSEKIT_RANGE',
    ],
    [{ userId: 'a', secret: LONG, channels: [''] }, 'ticket.channels: got an empty string, wants 1 to 256 bytes'],
    [
      { userId: 'a', secrt: SECRET },
      'ticket.secrt: no such option; known are userId, clientId, channels, ttl, notBefore, audience, issuer, anonymous, secret',
    ],
  ])('issueTicket: %j', async (ticket, says, code = 'ERR_SSEKIT_ARGUMENT') => {
    expectRefusal(await server.thrownBy(({ sse }, ticket) => sse.issueTicket(ticket), ticket), code, says);
  });
});
