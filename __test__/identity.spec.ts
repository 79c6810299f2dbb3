/** A connection without a user is let in only if the application asks for it. */
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(closeClients);
afterAll(stopEvaluators);

let server: Evaluator;
beforeAll(async () => {
  server = await Evaluator.start();
  await server.evaluate(() => {
    process.env.SSEKIT_TICKET_SECRET = 's'.repeat(32);
  });
});

/** Wrong results of an `identify`, as source text, and the log's words for each. */
const MISTAKES: [identity: string, says: string][] = [
  ['undefined', 'got no userId'],
  ['null', 'got no userId'],
  ['({})', 'got no userId'],
  ['({ userId: undefined })', 'got no userId'],
  ['({ userId: null })', 'got no userId'],
  ['({ clientId: "tab" })', 'got no userId'],
  ['({ anonymous: false })', 'got no userId'],
  ['({ anonymous: "true" })', 'identify.anonymous: got "true"'],
  ['({ name: "Ada", email: "ada@example.com" })', 'identify.name: no such option; known are userId'],
  ['({ userID: "ada" })', 'identify.userID: no such option; known are userId'],
  ['({ user: { id: 1 }, anonymous: true })', 'identify.user: no such option'],
  ['[]', 'identify: got an array'],
  ['["ada"]', 'identify: got an array'],
  ['new String("ada")', 'identify.0: no such option'],
  ['new Number(7)', 'got no userId'],
  ['new Map([["userId", "ada"]])', 'got no userId'],
  ['({ userId: {} })', 'userId: got an object'],
  ['""', 'userId: got 0 bytes, wants 1 to 256'],
  ['({ userId: "" })', 'userId: got 0 bytes, wants 1 to 256'],
  ['"é".repeat(129)', 'userId: got 258 bytes, wants 1 to 256'],
  ['true', 'userId: got true'],
  ['(() => "ada")', 'userId: got a function'],
  ['Symbol("ada")', 'userId: got a symbol'],
];

/** The answers of both routes to a request without a user. */
const askRoutes = async ({ sse, compile, require }: Given, make: string): Promise<unknown> => {
  const { createSSERoute, createTicketRoute } = require('ssekit/next') as typeof import('../ts/next/index');
  const identify = (): never => compile(make)() as never;
  const request = new Request('http://localhost/sse?clientId=of-the-page');
  const before = sse.stats().connects;
  const answers = [
    await createSSERoute({ identify }).GET(request),
    await createTicketRoute({ identify }).POST(request),
  ];
  const texts = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]));
  return [...texts, sse.stats().connects - before];
};

test.each(MISTAKES)('an identify that returns %s opens no stream and issues no ticket', async (identity, says) => {
  const logged = server.stderr.length;
  const refused = [401, 'Unauthorized.\n'];
  expect(await server.evaluate(askRoutes, `() => ${identity}`)).toEqual([refused, refused, 0]);
  const lines = (): string[] => server.stderr.slice(logged).split('\n').slice(0, -1);
  await until('a line for each refusal', () => lines().length >= 2);
  expect(lines()).toHaveLength(2);
  for (const line of lines()) expect(line).toMatch(/^ssekit: /);
  for (const line of lines()) expect(line).toContain(says);
  // The application's data about its user does not belong in a log.
  expect(lines().join()).not.toContain('example.com');
});

test('an error of identify reaches the framework', async () => {
  const thrown = await server.thrownBy(askRoutes, '() => { throw new Error("no database"); }');
  expect(thrown).toMatchObject({ class: 'Error', message: 'no database' });
});

test('anonymous clients enter if the option allows them', async () => {
  const came = await server.evaluate(async ({ sse, require }) => {
    const { createSSERoute, createTicketRoute } = require('ssekit/next') as typeof import('../ts/next/index');
    const found = [];
    for (const identity of [{ anonymous: true }, { anonymous: true, userId: null }, { anonymous: true, userId: 7 }]) {
      const identify = (): object => identity;
      const response = await createSSERoute({ identify }).GET(new Request('http://localhost/sse'));
      const ticket = await createTicketRoute({ identify }).POST(new Request('http://localhost/', { method: 'POST' }));
      const claims = JSON.parse(Buffer.from((await ticket.json()).ticket.split('.')[1], 'base64url').toString());
      found.push([response.status, sse.getClientsByUser(7).length, claims.sub ?? null]);
      await response.body?.cancel();
    }
    return found;
  });
  expect(came).toEqual([
    [200, 0, null],
    [200, 0, null],
    [200, 1, '7'],
  ]);
});

test('a response of another realm or undici is passed on', async () => {
  const answers = await server.evaluate(async ({ require }) => {
    const { createSSERoute, createTicketRoute } = require('ssekit/next') as typeof import('../ts/next/index');
    const undici = require('undici');
    const made = [
      () =>
        new undici.Response('no', {
          status: 403,
          headers: [
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ],
        }),
      () => undici.Response.redirect('http://localhost/login', 307),
      () => new undici.Response(null, { status: 204 }),
    ];
    const answers = [];
    for (const identify of made) {
      const request = new Request('http://localhost/', { method: 'POST' });
      for (const answer of [
        await createSSERoute({ identify }).GET(request),
        await createTicketRoute({ identify }).POST(request),
      ]) {
        const { status, headers } = answer;
        // Next.js takes no others.
        const isOwn = answer instanceof Response;
        answers.push([isOwn, status, await answer.text(), headers.getSetCookie(), headers.get('location')]);
      }
    }
    return answers;
  });
  const forbidden = [true, 403, 'no', ['a=1', 'b=2'], null];
  const redirect = [true, 307, '', [], 'http://localhost/login'];
  const empty = [true, 204, '', [], null];
  expect(answers).toEqual([forbidden, forbidden, redirect, redirect, empty, empty]);
});

describe('handleSSE and connect', () => {
  const NOBODY = ['undefined', '({})', '({ userId: undefined })', '({ userId: null, clientId: "tab" })'];

  test.each(NOBODY)('%s is answered with 401, and the log says why', async (client) => {
    await server.evaluate((given, make) => {
      given.clientOf = () => given.compile(make)() as never;
    }, `() => ${client}`);
    const logged = server.stderr.length;
    for (const method of ['GET', 'HEAD']) {
      const answered = await RawClient.request(server.port, { method });
      await until('an answer', () => answered.headText);
      expect(answered.status).toBe(401);
    }
    const given = await server.evaluate(({ sse, compile }, make) => {
      const { status } = sse.connect(new Request('http://localhost/'), compile(make)() as never);
      return [status, sse.stats().clients];
    }, `() => ${client}`);
    expect(given).toEqual([401, 0]);
    const line = /^ssekit: refused \/\S* with 401: client\.userId: got none/gm;
    await until('three lines', () => server.stderr.slice(logged).match(line)?.length === 3);
  });

  test.each([
    ['({ userID: "ada" })', 'client.userID: no such option'],
    ['({ name: "Ada" })', 'client.name: no such option'],
    ['["ada"]', 'client: got an array'],
    ['new String("ada")', 'client.0: no such option'],
    ['({ anonymous: 1 })', 'client.anonymous: got 1'],
  ])('%s is an error of the caller', async (client, says) => {
    const thrown = await server.thrownBy(
      ({ sse, compile }, make) => sse.connect(new Request('http://localhost/'), compile(make)() as never),
      `() => ${client}`,
    );
    expect(thrown).toMatchObject({ class: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' });
    expect(thrown.message).toContain(says);
  });
});

test('an anonymous ticket needs the option', async () => {
  for (const ticket of ['undefined', '({})', '({ userId: null })', '({ ttl: 60 })', '[]', '({ userID: "ada" })']) {
    const thrown = await server.thrownBy(
      ({ sse, compile }, make) => sse.issueTicket(compile(make)() as never),
      `() => ${ticket}`,
    );
    expect([ticket, thrown.class, thrown.code]).toEqual([ticket, 'TypeError', 'ERR_SSEKIT_ARGUMENT']);
  }
});

test('in production a refusal is not logged', async () => {
  const quiet = await Evaluator.start(undefined, { NODE_ENV: 'production' });
  const status = await quiet.evaluate(({ sse }) => sse.connect(new Request('http://localhost/')).status);
  expect([status, quiet.stderr]).toEqual([401, '']);
});
