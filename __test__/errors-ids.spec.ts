/** Ids of users and clients: what cannot be one is refused, and what can be one is never taken for another. */
import { type Given, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { ARGUMENT, Witness } from './support/witness';

let witness: Witness;

beforeAll(async () => {
  witness = await Witness.start();
});
afterAll(closeClients);
afterAll(stopEvaluators);

/** A call with the value that a function makes there. */
type With<T> = (given: Given, make: string) => T;

describe('a user id', () => {
  const send: With<unknown> = ({ sse, compile }, make) => sse.sendToUser(compile(make)() as never, { data: 1 });
  const list: With<unknown> = ({ sse, compile }, make) => sse.getClientsByUser(compile(make)() as never);
  const disconnect: With<unknown> = ({ sse, compile }, make) => sse.disconnectUser(compile(make)() as never);
  const connect: With<unknown> = ({ sse, compile }, make) =>
    sse.connect(new Request('http://localhost/'), { userId: compile(make)() as never });

  test.each<[string, () => unknown, string]>([
    ['NaN', () => Number.NaN, 'got NaN'],
    ['infinite', () => Number.NEGATIVE_INFINITY, 'got -Infinity'],
    ['null', () => null, 'got null'],
    ['undefined', () => undefined, 'got undefined'],
    ['an object', () => ({ id: 'ada' }), 'got an object'],
    ['an array', () => ['ada'], 'got an array'],
    ['a boxed string', () => Object('ada'), 'got an object'],
    ['a boolean', () => true, 'got true'],
    ['a symbol', () => Symbol('ada'), 'got a symbol'],
    ['a function', () => () => 'ada', 'got a function'],
    ['half of a surrogate pair', () => 'ada\ud83d', 'got "ada\\ud83d"'],
  ])('that is %s is refused', async (_, make, got) => {
    const says = [`userId: ${got}`, 'wants a string of 1 to 256 bytes, a finite number or a bigint'];
    // A connection with no user at all is an anonymous client's.
    const calls = (make() ?? null) === null ? [send, list, disconnect] : [send, list, disconnect, connect];
    for (const call of calls) await witness.refused(ARGUMENT, says, call, `${make}`);
  });

  test.each<[string, () => unknown, string]>([
    ['empty', () => '', 'got an empty string'],
    ['of 257 bytes', () => 'x'.repeat(257), 'got 257 bytes'],
    ['of 150 characters of two bytes', () => 'é'.repeat(150), 'got 300 bytes'],
  ])('%s is refused', async (_, make, got) => {
    for (const call of [send, connect])
      await witness.refused(ARGUMENT, [`userId: ${got}`, 'wants 1 to 256'], call, `${make}`);
  });

  test('may have 256 bytes', async () => {
    const count = await witness.server.evaluate(send, `${() => 'é'.repeat(128)}`);
    expect(count).toBe(0);
  });

  test.each<[string, string, () => unknown]>([
    ['42', '42', () => 42],
    ['42n', '42', () => 42n],
    ['-7', '-7', () => -7],
    ['0.5', '0.5', () => 0.5],
    ['-0', '0', () => -0],
    ['1e21', '1000000000000000000000', () => 1e21],
    ['10n ** 30n', '1000000000000000000000000000000', () => 10n ** 30n],
  ])('%s is the user %p', async (_, text, make) => {
    const ask = async ({ sse, compile }: Given, make: string, text: string): Promise<unknown> => {
      const ids = [compile(make)() as number, text];
      const found = [];
      for (const userId of ids) {
        const response = sse.connect(new Request('http://localhost/'), { userId });
        found.push(ids.map((id) => [sse.sendToUser(id, { data: 1 }), sse.getClientsByUser(id).length]));
        await response.body?.cancel();
      }
      return found;
    };
    const one = [1, 1];
    expect(await witness.server.evaluate(ask, `${make}`, text)).toEqual([
      [one, one],
      [one, one],
    ]);
  });
});

describe('a client id', () => {
  const send: With<unknown> = ({ sse, compile }, make) => sse.sendToClient(compile(make)() as never, { data: 1 });
  const disconnect: With<unknown> = ({ sse, compile }, make) => sse.disconnectClient(compile(make)() as never);
  const exclude: With<unknown> = ({ sse, compile }, make) => sse.broadcast({ data: 1 }, compile(make)() as never);
  const connect: With<unknown> = ({ sse, compile }, make) =>
    sse.connect(new Request('http://localhost/'), { anonymous: true, clientId: compile(make)() as never });

  test.each<[string, () => unknown, string]>([
    ['a number', () => 5, 'got 5'],
    ['null', () => null, 'got null'],
    ['undefined', () => undefined, 'got undefined'],
    ['an object', () => ({}), 'got an object'],
    ['half of a surrogate pair', () => '\udfff', 'got "\\udfff"'],
  ])('that is %s is refused', async (what, make, got) => {
    const calls = [send, disconnect];
    // Nobody need be excluded, and a connection need not bring an id.
    if (what !== 'undefined') calls.push(connect);
    if (what !== 'undefined' && what !== 'null') calls.push(exclude);
    for (const call of calls) await witness.refused(ARGUMENT, [`lientId: ${got}`, 'wants a string'], call, `${make}`);
  });

  test.each<[string, () => unknown, string]>([
    ['empty', () => '', 'got an empty string'],
    ['of 257 characters', () => 'x'.repeat(257), 'got 257 bytes'],
  ])('%s is refused', async (_, make, got) => {
    await witness.refused(ARGUMENT, [`clientId: ${got}`, 'wants 1 to 256'], send, `${make}`);
    await witness.refused(ARGUMENT, [`excludeClientId: ${got}`, 'wants 1 to 256'], exclude, `${make}`);
  });

  test.each<[string, () => unknown, string]>([
    ['empty', () => '', 'got an empty string'],
    ['of 257 characters', () => 'x'.repeat(257), 'got 257 characters'],
    ['outside of ASCII', () => 'é', 'outside of ASCII'],
    ['with a line end', () => 'a\n', 'U+000A'],
    ['with a space at an end', () => 'a ', 'got a space at the start or end'],
  ])('%s cannot be brought by a connection', async (_, make, got) => {
    await witness.refused(ARGUMENT, ['clientId: ', got, 'wants 1 to 256 printable ASCII'], connect, `${make}`);
  });
});

test('user ids differ by every character', async () => {
  const ids = [
    ...[
      'a',
      'A',
      'a ',
      ' a',
      'a,b',
      'a;b',
      'a:b',
      'a|b',
      'a/b',
      '../a',
      'a.b',
      'a\tb',
      'a\nb',
      'a\r\nb',
      'a\0',
      'a\0b',
    ],
    ...['*', 'a*', '?', '[a]', '{a}', '%', '%61', '"', "'", '\\', ':', '/', ',', ' ', '\0', '\n', 'undefined', 'null'],
    ...['__proto__', 'constructor', 'é', 'e\u0301', '\u0085', '\u2028', '\ufeff', '\ufeffa', '😀', 'a,grace', 'user:a'],
  ];
  const { port } = witness.server;
  const clients = await Promise.all(
    ids.map((id) => RawClient.stream(port, { path: `/sse?userId=${encodeURIComponent(id)}` })),
  );
  const reached = await witness.server.evaluate(
    ({ sse }, ids) => ids.map((id) => [sse.sendToUser(id, { event: 'to', data: id }), sse.getClientsByUser(id).length]),
    ids,
  );
  expect(reached).toEqual(ids.map(() => [1, 1]));
  // After it, nothing of what was sent before can still come.
  await witness.gotOnlyMarks();
  for (const [index, client] of clients.entries()) {
    const events = await client.next(2);
    expect(events.map(({ event }) => event)).toEqual(['to', 'mark']);
    expect(JSON.parse(`${events[0]?.data}`)).toBe(ids[index]);
    client.destroy();
  }
});

test('client ids differ by every character', async () => {
  const ids = [
    'a',
    'A',
    'a b',
    'a:b',
    'a,b',
    'a*',
    '*',
    '?',
    '%61',
    '__proto__',
    'constructor',
    'undefined',
    '"',
    '\\',
  ];
  const { port } = witness.server;
  const clients = await Promise.all(
    ids.map((id) => RawClient.stream(port, { path: `/sse?clientId=${encodeURIComponent(id)}` })),
  );
  const reached = await witness.server.evaluate(
    ({ sse }, ids) => ids.map((id) => sse.sendToClient(id, { event: 'to', data: id })),
    ids,
  );
  expect(reached).toEqual(ids.map(() => true));
  await witness.gotOnlyMarks();
  for (const [index, client] of clients.entries()) {
    const events = await client.next(2);
    expect(events.map(({ event, data }) => [event, data])).toEqual([
      ['to', JSON.stringify(ids[index])],
      expect.anything(),
    ]);
    client.destroy();
  }
});

test('an absent client or user is no error', async () => {
  const answers = await witness.server.evaluate(({ sse }) => ({
    sendToClient: sse.sendToClient('nobody', { event: 'x', data: 1 }),
    sendToUser: sse.sendToUser('nobody', { event: 'x', data: 1 }),
    getClientsByUser: sse.getClientsByUser('nobody'),
    disconnectClient: sse.disconnectClient('nobody'),
    disconnectUser: sse.disconnectUser('nobody'),
  }));
  const nothing = {
    sendToClient: false,
    sendToUser: 0,
    getClientsByUser: [],
    disconnectClient: false,
    disconnectUser: 0,
  };
  expect(answers).toEqual(nothing);
  await witness.gotOnlyMarks();
});
