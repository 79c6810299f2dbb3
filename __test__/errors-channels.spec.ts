/** Calls about channels, cursors and history: what cannot be an argument is refused, in words that help, and changes nothing. */
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { ARGUMENT, type Call, RANGE, type Refusal, Witness } from './support/witness';

let witness: Witness;

beforeAll(async () => {
  witness = await Witness.start({ maxEventBytes: 70_000, limits: { channelsPerClient: 3 } });
});
afterAll(closeClients);
afterAll(stopEvaluators);

/** A call with the value that a function makes there. */
type With = (given: Given, make: string) => unknown;

describe('a channel', () => {
  const calls: With[] = [
    ({ sse, compile }, make) => sse.sendToChannel(compile(make)() as never, { data: 1 }),
    ({ sse, compile }, make) => sse.subscribe({ clientId: 'tab' }, compile(make)() as never),
    ({ sse, compile }, make) => sse.subscribe({ userId: 'ada' }, compile(make)() as never),
    ({ sse, compile }, make) => sse.unsubscribe({ clientId: 'tab' }, compile(make)() as never),
    ({ sse, compile }, make) => sse.unsubscribe({ userId: 'nobody' }, compile(make)() as never),
    ({ sse, compile }, make) => sse.getClientsByChannel(compile(make)() as never),
    ({ sse, compile }, make) => sse.getClients({ channel: compile(make)() as never }),
    ({ sse, compile }, make) => sse.history({ channel: compile(make)() as never }),
    ({ sse, compile }, make) =>
      sse.connect(new Request('http://localhost/'), { userId: 'ada', channels: ['ok', compile(make)() as never] }),
  ];

  test.each<[string, () => unknown, string]>([
    ['a number', () => 5, 'channel: got 5, wants a string'],
    ['null', () => null, 'channel: got null, wants a string'],
    ['an object', () => ({ toString: () => 'x' }), 'channel: got an object, wants a string'],
    ['an array', () => ['x'], 'channel: got an array, wants a string'],
    ['half of a surrogate pair', () => 'x\ud83d', 'channel: got "x\\ud83d"'],
    ['very long', () => 'x'.repeat(1_000_000), 'channel: got a string of 1,000,000 characters'],
    ['empty', () => '', 'channel: got an empty string, wants 1 to 256 bytes'],
    ['of 257 bytes', () => 'x'.repeat(257), 'channel: got 257 bytes, wants 1 to 256'],
    ['of 129 characters of two bytes', () => 'é'.repeat(129), 'channel: got 258 bytes'],
    ['with a line end', () => 'a\nb', 'channel: got the control character U+000A'],
    ['with a NUL', () => 'a\0', 'channel: got the control character U+0000'],
    ['with another control character', () => '\u0085', 'channel: got the control character U+0085'],
  ])('that is %s is refused', async (_, make, says) => {
    for (const call of calls) await witness.refused(ARGUMENT, [says], call, `${make}`);
  });

  test('that is missing is refused', async () => {
    const missing: Call[] = [
      ({ sse }) => sse.sendToChannel(undefined as never, { data: 1 }),
      ({ sse }) => sse.subscribe({ clientId: 'tab' }, undefined as never),
      ({ sse }) => sse.unsubscribe({ clientId: 'tab' }, undefined as never),
      ({ sse }) => sse.getClientsByChannel(undefined as never),
    ];
    for (const call of missing) await witness.refused(ARGUMENT, ['channel: got undefined, wants a string'], call);
  });

  test('differs from others by every character', async () => {
    const names = [
      ...['a', 'A', 'a ', ' a', 'a,b', 'a:b', 'a*', '*', '?', '%61', '"', '\\', '{', '.', '/', '#', '\u2028', '\ufeff'],
      ...['__proto__', 'constructor', 'undefined', 'null', 'é', 'e\u0301', '😀', 'ada', 'tab', 'x'.repeat(256)],
    ];
    const server = await Evaluator.start({ heartbeatMs: 3_600_000 });
    await server.evaluate((given) => {
      given.clientOf = (query) => ({ anonymous: true, channels: query.getAll('channel') });
    });
    const paths = names.map((name) => `/sse?channel=${encodeURIComponent(name)}`);
    const clients = await Promise.all(paths.map((path) => RawClient.stream(server.port, { path })));
    const reached = await server.evaluate(({ sse }, names) => {
      const sent = names.map((name) => [
        sse.sendToChannel(name, { event: 'to', data: name }),
        sse.getClientsByChannel(name).length,
      ]);
      sse.broadcast({ event: 'end', data: 0 });
      return { sent, channels: sse.getChannels().length };
    }, names);
    expect(reached).toEqual({ sent: names.map(() => [1, 1]), channels: names.length });
    for (const [index, client] of clients.entries()) {
      const events = await client.next(2);
      expect(events.map(({ event }) => event)).toEqual(['to', 'end']);
      expect(JSON.parse(`${events[0]?.data}`)).toBe(names[index]);
    }
  });
});

describe('an event for a channel', () => {
  test.each<Refusal>([
    ['that is missing', ({ sse }) => sse.sendToChannel('x', undefined as never), ['event: got undefined']],
    ['with a cycle', ({ sse }) => sse.sendToChannel('x', { data: 1n }), ['event.data', 'got a bigint']],
    ['with a reserved name', ({ sse }) => sse.sendToChannel('x', { event: 'ssekit:x', data: 1 }), ['ssekit:']],
  ])('%s is refused', (_, call, says) => witness.refused(ARGUMENT, says, call));

  test('that is too large is refused', () =>
    witness.refused(RANGE, ['event', 'maxEventBytes'], ({ sse }) =>
      sse.sendToChannel('x', { data: 'x'.repeat(80_000) }),
    ));
});

describe('a target', () => {
  const calls: With[] = [
    ({ sse, compile }, make) => sse.subscribe(compile(make)() as never, 'x'),
    ({ sse, compile }, make) => sse.unsubscribe(compile(make)() as never, 'x'),
  ];

  test.each<[string, () => unknown, string[]]>([
    ['missing', () => undefined, ['target: got undefined', 'an object { clientId?, userId? }']],
    ['null', () => null, ['target: got null']],
    ['an id', () => 'tab', ['target: got "tab"']],
    ['an array', () => ['tab'], ['target: got an array']],
    ['empty', () => ({}), ['target: got neither clientId nor userId, wants exactly one of them']],
    [
      'both',
      () => ({ clientId: 'tab', userId: 'ada' }),
      ['target: got both clientId and userId, wants exactly one of them'],
    ],
    ['of another name', () => ({ client: 'tab' }), ['target.client: no such option; known are clientId, userId']],
    ['a client that is no string', () => ({ clientId: 5 }), ['target.clientId: got 5', 'wants a string']],
    ['a client that is null', () => ({ clientId: null }), ['target.clientId: got null']],
    ['an empty client', () => ({ clientId: '' }), ['clientId: got an empty string']],
    ['a user that is null', () => ({ userId: null }), ['userId: got null']],
    ['a user that is NaN', () => ({ userId: Number.NaN }), ['userId: got NaN']],
    ['an empty user', () => ({ userId: '' }), ['userId: got an empty string']],
    ['half of a surrogate pair', () => ({ clientId: '\ud83d' }), ['target.clientId: got "\\ud83d"']],
  ])('that is %s is refused', async (_, make, says) => {
    for (const call of calls) await witness.refused(ARGUMENT, says, call, `${make}`);
  });
});

describe('options', () => {
  test.each<Refusal>([
    ['of subscribe', ({ sse }) => sse.subscribe({ clientId: 'tab' }, 'x', 'now' as never), ['options: got "now"']],
    ['that are null', ({ sse }) => sse.subscribe({ clientId: 'tab' }, 'x', null as never), ['options: got null']],
    [
      'of another name',
      ({ sse }) => sse.subscribe({ clientId: 'tab' }, 'x', { after: 'x' } as never),
      ['options.after: no such option; known are since'],
    ],
    [
      'with a cursor that is a number',
      ({ sse }) => sse.subscribe({ clientId: 'tab' }, 'x', { since: 5 as never }),
      ['options.since: got 5, wants a cursor, which is a string'],
    ],
    [
      'with half of a surrogate pair',
      ({ sse }) => sse.subscribe({ clientId: 'tab' }, 'x', { since: '\ud83d' }),
      ['options.since: got "\\ud83d"'],
    ],
    ['of history', ({ sse }) => sse.history({ userId: 'ada' }, 5 as never), ['options: got 5']],
    [
      'of history with another name',
      ({ sse }) => sse.history({ userId: 'ada' }, { before: 'x' } as never),
      ['options.before: no such option; known are after, limit'],
    ],
    [
      'of history with a number as id',
      ({ sse }) => sse.history({ userId: 'ada' }, { after: 5 as never }),
      ['options.after: got 5'],
    ],
    [
      'of history with text as limit',
      ({ sse }) => sse.history({ userId: 'ada' }, { limit: '5' as never }),
      ['options.limit: got "5", wants an integer from 1 to 10,000'],
    ],
    [
      'of history with no limit',
      ({ sse }) => sse.history({ userId: 'ada' }, { limit: null as never }),
      ['options.limit: got null'],
    ],
  ])('%s are refused', (_, call, says) => witness.refused(ARGUMENT, says, call));

  test.each([0, -1, 1.5, 10_001, Number.NaN, Number.POSITIVE_INFINITY])('a limit of %p is refused', (limit) =>
    witness.refused(
      RANGE,
      [`options.limit: got ${limit}, wants an integer from 1 to 10,000`],
      ({ sse }, limit) => sse.history({ broadcast: true }, { limit }),
      limit,
    ),
  );
});

describe('an audience', () => {
  const wants = 'wants exactly one of userId, channel and broadcast: true';

  test.each<[string, () => unknown, string[]]>([
    ['missing', () => undefined, ['audience: got undefined']],
    ['a name', () => 'x', ['audience: got "x"']],
    ['empty', () => ({}), ['audience: got no audience', wants]],
    ['two', () => ({ userId: 'ada', channel: 'x' }), ['audience: got userId and channel', wants]],
    ['a client', () => ({ clientId: 'tab' }), ['audience.clientId: no such option']],
    ['not everybody', () => ({ broadcast: false }), ['audience.broadcast: got false, wants true']],
    ['a user that is null', () => ({ userId: null }), ['userId: got null']],
    ['an empty user', () => ({ userId: '' }), ['userId: got an empty string']],
  ])('that is %s is refused', (_, make, says) =>
    witness.refused(ARGUMENT, says, ({ sse, compile }, make) => sse.history(compile(make)() as never), `${make}`),
  );

  test('that cannot be read is a rejection, and nothing is thrown', async () => {
    const outcome = await witness.server.evaluate(({ sse }) => {
      const promise = sse.history(undefined as never);
      return promise.then(
        () => 'resolved',
        (error) => error.code,
      );
    });
    expect(outcome).toBe('ERR_SSEKIT_ARGUMENT');
  });
});

describe('a filter', () => {
  test.each<[string, () => unknown, string[]]>([
    ['null', () => null, ['filter: got null', 'an object { userId?, channel? }']],
    ['an id', () => 'ada', ['filter: got "ada"']],
    ['of another name', () => ({ user: 'ada' }), ['filter.user: no such option; known are userId, channel']],
    ['a user that is null', () => ({ userId: null }), ['userId: got null']],
    ['an empty user', () => ({ userId: '' }), ['userId: got an empty string']],
    ['a channel that is null', () => ({ channel: null }), ['channel: got null']],
  ])('that is %s is refused', (_, make, says) =>
    witness.refused(ARGUMENT, says, ({ sse, compile }, make) => sse.getClients(compile(make)() as never), `${make}`),
  );
});

describe('a connection', () => {
  const connect: With = ({ sse, compile }, make) =>
    sse.connect(new Request('http://localhost/'), { userId: 'ada', ...(compile(make)() as object) });

  test.each<[string, () => unknown, (string | RegExp)[]]>([
    ['channels that are a name', () => ({ channels: 'x' }), ['channels: got "x", wants an array of names']],
    ['channels that are a set', () => ({ channels: new Set(['x']) }), ['channels: got an object']],
    // biome-ignore lint/suspicious/noSparseArray: that is the fault
    ['channels with a hole', () => ({ channels: [, 'x'] }), ['channel: got undefined']],
    ['data that is a bigint', () => ({ data: 1n }), ['data: got a bigint, wants a value that JSON can carry']],
    ['data that is a function', () => ({ data: () => 1 }), ['data: got a function']],
    [
      'data with a cycle',
      () => {
        const cycle: unknown[] = [];
        cycle.push(cycle);
        return { data: cycle };
      },
      ['data: got an array', 'circular'],
    ],
    ['a welcome that is a symbol', () => ({ welcome: Symbol('x') }), ['welcome: got a symbol']],
    ['a welcome with a bigint', () => ({ welcome: { a: 1n } }), ['welcome: got an object', 'BigInt']],
    ['a cursor that is a number', () => ({ since: 5 }), ['since: got 5, wants a cursor, which is a string']],
    ['a cursor with half of a surrogate pair', () => ({ since: '\udfff' }), ['since: got "\\udfff"']],
    ['a misspelt option', () => ({ channel: ['x'] }), ['client.channel: no such option', 'channels']],
  ])('with %s is refused', (_, make, says) => witness.refused(ARGUMENT, says, connect, `${make}`));

  test.each<[string, () => unknown, string]>([
    [
      'too many channels',
      () => ({ channels: ['a', 'b', 'c', 'd'] }),
      'channels: got 4 channels, wants at most 3 (limits.channelsPerClient)',
    ],
    ['too much data', () => ({ data: 'x'.repeat(1_023) }), 'data: got 1,025 bytes of JSON, wants at most 1,024'],
    ['a million bytes of data', () => ({ data: 'é'.repeat(500_000) }), 'data: got 1,000,002 bytes'],
    [
      'too large a welcome',
      () => ({ welcome: 'x'.repeat(70_000) }),
      'welcome: got 70,002 bytes of JSON, wants at most 70,000',
    ],
    [
      'data that is nested too deeply',
      () => {
        let data: unknown = 0;
        for (let level = 0; level < 1_000_000; level += 1) data = [data];
        return { data };
      },
      'data: got ',
    ],
  ])('with %s is out of bounds', (_, make, says) => witness.refused(RANGE, [says], connect, `${make}`));

  test('may have as much as is allowed', async () => {
    const server = await Evaluator.start({ maxEventBytes: 70_000, limits: { channelsPerClient: 3 } });
    const found = await server.evaluate(({ sse }) => {
      const options = { channels: ['a', 'b', 'c'], data: 'x'.repeat(1_022), welcome: 'x'.repeat(69_998) };
      const response = sse.connect(new Request('http://localhost/'), { userId: 'ada', clientId: 'tab', ...options });
      const [client] = sse.getClients();
      void response.body?.cancel();
      return { channels: client?.channels, data: client?.data === options.data };
    });
    expect(found).toEqual({ channels: ['a', 'b', 'c'], data: true });
  });

  test('has no more channels than it may have', async () => {
    const server = await Evaluator.start({ limits: { channelsPerClient: 2 } });
    await RawClient.stream(server.port, { path: '/sse?userId=ada&clientId=tab' });
    const more = ({ sse }: Given, channel: string) => sse.subscribe({ clientId: 'tab' }, channel);
    expect([await server.evaluate(more, 'a'), await server.evaluate(more, 'b')]).toEqual([true, true]);
    const thrown = await server.thrownBy(more, 'c');
    expect(thrown).toMatchObject({ class: 'RangeError', code: 'ERR_SSEKIT_CHANNELS_FULL' });
    expect(thrown.message).toMatch(/^channel: got one more channel, wants at most 2/);
    expect(await server.evaluate(({ sse }) => sse.getClients()[0]?.channels)).toEqual(['a', 'b']);
  });

  test('without options has none of it', async () => {
    const server = await Evaluator.start();
    const found = await server.evaluate(({ sse }) => {
      const nothing = { channels: undefined, data: undefined, since: undefined, welcome: undefined };
      const responses = [nothing, { channels: null, since: null }, { channels: [] }].map((options) =>
        sse.connect(new Request('http://localhost/'), { userId: 'ada', ...options }),
      );
      const clients = sse.getClients().map(({ channels, data }) => [channels, data]);
      for (const { body } of responses) void body?.cancel();
      return clients;
    });
    expect(found).toEqual(Array(3).fill([[], undefined]));
  });
});
