/** Sent events can be read back as they were sent, as long as the history has them. */
import { Evaluator, stopEvaluators } from './support/evaluator';
import { startWith } from './support/transports';

afterAll(stopEvaluators);

let server: Evaluator;
beforeAll(async () => {
  server = await startWith('stream', { history: { maxEvents: 200 } });
});

test('the events of one kind of receiver come back, the newest last', async () => {
  const found = await server.evaluate(async ({ sse }) => {
    const [epoch, position] = sse.cursor().split('.');
    const idAt = (place: number): string => `${epoch}.${Number(position) + place}`;
    sse.sendToUser('ada', { event: 'one', data: { text: 'a\nb ♥' }, retry: 5 });
    sse.sendToUser('ada', { data: undefined, id: 'own' });
    sse.sendToUser('bob', { event: 'of bob', data: 1 });
    sse.sendToChannel('ada', { event: 'of the channel', data: 2 });
    sse.broadcast({ event: 'of all', data: 3 });
    sse.sendToClient('ada', { event: 'of a client', data: 4 });
    return {
      ids: [idAt(1), idAt(4), idAt(5)],
      user: await sse.history({ userId: 'ada' }),
      channel: await sse.history({ channel: 'ada' }),
      all: await sse.history({ broadcast: true }),
      nobody: await sse.history({ userId: 'nobody' }),
      nothing: await sse.history({ channel: 'nothing' }),
      same: await sse.history({ userId: 'bob', channel: undefined } as never),
    };
  });
  const [first, fourth, fifth] = found.ids;
  expect(found).toEqual({
    ids: [first, fourth, fifth],
    user: [
      { id: first, event: 'one', data: '{"text":"a\\nb ♥"}', retry: 5 },
      { id: 'own', data: 'null' },
    ],
    channel: [{ id: fourth, event: 'of the channel', data: '2' }],
    all: [{ id: fifth, event: 'of all', data: '3' }],
    nobody: [],
    nothing: [],
    same: [{ id: expect.anything(), event: 'of bob', data: '1' }],
  });
  expect(found.user.map(Object.keys)).toEqual([
    ['id', 'event', 'data', 'retry'],
    ['id', 'data'],
  ]);
});

test('`after` and `limit` choose the newest', async () => {
  const found = await server.evaluate(async ({ sse }) => {
    const start = sse.cursor();
    for (let data = 1; data <= 150; data += 1)
      sse.sendToChannel('many', { data, id: data === 7 ? 'seven' : undefined });
    const read = async (options?: Parameters<typeof sse.history>[1]): Promise<string[]> => {
      const events = await sse.history({ channel: 'many' }, options);
      return [`${events.length}`, ...events.map(({ data }) => data).filter((_, at) => at % (events.length - 1) === 0)];
    };
    const [last] = await sse.history({ channel: 'many' }, { limit: 1 });
    return [
      await read(),
      await read({}),
      await read({ limit: 10_000 }),
      await read({ limit: 2 }),
      await read({ after: null, limit: 1_000 }),
      await read({ after: start, limit: 1_000 }),
      await read({ after: 'seven', limit: 1_000 }),
      await read({ after: 'seven', limit: 3 }),
      await sse.history({ channel: 'many' }, { after: sse.cursor() }),
      await sse.history({ channel: 'many' }, { after: last?.id }),
    ];
  });
  expect(found).toEqual([
    ['100', '51', '150'],
    ['100', '51', '150'],
    ['150', '1', '150'],
    ['2', '149', '150'],
    ['150', '1', '150'],
    ['150', '1', '150'],
    ['143', '8', '150'],
    ['3', '148', '150'],
    [],
    [],
  ]);
});

test('events that are gone are an error', async () => {
  const before = await server.evaluate(({ sse }) => {
    const start = sse.cursor();
    for (let data = 1; data <= 201; data += 1) sse.sendToUser('eve', { data });
    return start;
  });
  for (const after of [before, 'nonsense', '']) {
    const thrown = await server.thrownBy(({ sse }, after) => sse.history({ userId: 'eve' }, { after }), after);
    expect(thrown).toMatchObject({ class: 'Error', code: 'ERR_SSEKIT_EVICTED' });
    expect(thrown.message).toMatch(/^options\.after: /);
  }
  expect(await server.evaluate(async ({ sse }) => (await sse.history({ userId: 'eve' }, { limit: 999 })).length)).toBe(
    200,
  );
});

test('a hub that has not started has no history', async () => {
  const other = await Evaluator.start();
  expect(await other.evaluate(({ sse }) => sse.history({ broadcast: true }))).toEqual([]);
  expect(await other.evaluate(({ sse }) => sse.stats().epoch)).toBe('');
});
