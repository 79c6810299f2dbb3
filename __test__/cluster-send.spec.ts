/** A send reaches the clients of all processes that share a Redis, and each process knows all clients. */
import { Evaluator } from './support/evaluator';
import { allKnow, errorsOf, join, lastIdOf, open, placeOf, sharedRedis, storyOf, told } from './support/nodes';
import type { RawClient } from './support/raw-client';
import { type Settled, TRANSPORTS } from './support/transports';
import { until } from './support/until';

const redis = sharedRedis();

/** Two nodes: ada is at both, grace at B, and somebody without a name at B. */
async function two(transport: Settled = 'handoff'): Promise<{ nodes: [Evaluator, Evaluator]; tabs: RawClient[] }> {
  const options = { transport: transport === 'handoff' ? ('auto' as const) : ('stream' as const) };
  const nodes = await Promise.all([join(redis.url, options), join(redis.url, options)]);
  const [a, b] = nodes;
  const tabs = [];
  for (const [node, user, id] of [
    [a, 'ada', 'ada@a'],
    [b, 'ada', 'ada@b'],
    [b, 'grace', 'grace@b'],
    [b, null, 'x@b'],
  ] as const)
    tabs.push(await open(node, user, id));
  await allKnow(nodes, ['ada@a', 'ada@b', 'grace@b', 'x@b']);
  return { nodes, tabs };
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('every send reaches other processes in one order', async () => {
    const { nodes, tabs } = await two(transport);
    const [a, b] = nodes;
    for (const node of nodes) {
      await until(`every stream to be of transport ${transport}`, async () => {
        const { clients, transports } = await node.evaluate(({ sse }) => sse.stats());
        return transports[transport] === clients;
      });
    }
    const counts = await a.evaluate(({ sse }) => [
      sse.sendToUser('ada', { event: 'user', data: 1 }),
      sse.sendToUser('grace', { event: 'user', data: 2 }),
      sse.sendToUser('nobody', { event: 'user', data: 3 }),
      sse.sendToClient('x@b', { event: 'client', data: 4 }),
      sse.sendToClient('ada@a', { event: 'client', data: 5 }),
      sse.sendToClient('nobody', { event: 'client', data: 6 }),
      sse.broadcast({ event: 'all', data: 7 }),
      sse.broadcast({ event: 'all', data: 8 }, 'grace@b'),
      sse.broadcast({ event: 'all', data: 9 }, 'nobody'),
    ]);
    expect(counts).toEqual([2, 1, 0, true, true, false, 4, 3, 4]);
    await a.evaluate(({ sse }) => sse.flush());
    expect(await b.evaluate(({ sse }) => sse.broadcast({ event: 'end', data: 0 }))).toBe(4);
    for (const tab of tabs) await told(tab, 'end 0');
    expect(tabs.map(storyOf)).toEqual([
      ['user 1', 'client 5', 'all 7', 'all 8', 'all 9', 'end 0'],
      ['user 1', 'all 7', 'all 8', 'all 9', 'end 0'],
      ['user 2', 'all 7', 'all 9', 'end 0'],
      ['client 4', 'all 7', 'all 8', 'all 9', 'end 0'],
    ]);
    expect(new Set(tabs.map((tab) => placeOf(lastIdOf(tab)))).size).toBe(1);
    expect([await errorsOf(a), await errorsOf(b)]).toEqual([[], []]);
  });

  test('two busy processes deliver one order without repeats', async () => {
    const { nodes, tabs } = await two(transport);
    const send = (name: string) => (node: Evaluator) =>
      node.evaluate(async ({ sse }, name) => {
        for (let i = 0; i < 1_000; i += 1) {
          sse.broadcast({ event: name, data: i });
          // The other process gets its turn.
          if (i % 50 === 0) await new Promise(setImmediate);
        }
        await sse.flush();
        return sse.stats().cluster?.buffered;
      }, name);
    expect(await Promise.all([send('a')(nodes[0]), send('b')(nodes[1])])).toEqual([0, 0]);
    const [first, ...others] = await Promise.all(
      tabs.map(async (tab) => (await tab.next(2_000)).map(({ event, data, id }) => `${event} ${data} ${placeOf(id)}`)),
    );
    for (const other of others) expect(other).toEqual(first);
    const numbersOf = (name: string) =>
      first?.filter((line) => line.startsWith(name)).map((line) => line.split(' ')[1]);
    const numbers = Array.from({ length: 1_000 }, (_, i) => String(i));
    expect([numbersOf('a'), numbersOf('b'), first?.length]).toEqual([numbers, numbers, 2_000]);
  });
});

test('both processes list all clients, and the scope selects', async () => {
  const {
    nodes: [a, b],
    tabs,
  } = await two();
  const ask = (node: Evaluator) =>
    node.evaluate(({ sse }) => ({
      all: sse.getActiveClients({ scope: 'cluster' }).toSorted(),
      here: sse.getActiveClients({ scope: 'local' }).toSorted(),
      ada: sse.getClientsByUser('ada'),
      adaHere: sse.getClientsByUser('ada', { scope: 'local' }),
      grace: sse.getClientsByUser('grace', {}),
      online: ['ada', 'grace', 'nobody'].map((user) => sse.isOnline(user)),
      onlineHere: ['ada', 'grace', 'nobody'].map((user) => sse.isOnline(user, { scope: 'local' })),
    }));
  const all = ['ada@a', 'ada@b', 'grace@b', 'x@b'];
  expect(await ask(a)).toEqual({
    all,
    here: ['ada@a'],
    ada: ['ada@a', 'ada@b'],
    adaHere: ['ada@a'],
    grace: ['grace@b'],
    online: [true, true, false],
    onlineHere: [true, false, false],
  });
  expect(await ask(b)).toEqual({
    all,
    here: ['ada@b', 'grace@b', 'x@b'],
    // Those of this process, then those of others.
    ada: ['ada@b', 'ada@a'],
    adaHere: ['ada@b'],
    grace: ['grace@b'],
    online: [true, true, false],
    onlineHere: [true, true, false],
  });
  tabs[2]?.end();
  await allKnow([a, b], ['ada@a', 'ada@b', 'x@b']);
  expect(await a.evaluate(({ sse }) => sse.isOnline('grace'))).toBe(false);
});

test('an unknown scope is refused', async () => {
  const node = await Evaluator.start();
  const thrown = await node.thrownBy(({ sse }) => sse.getActiveClients({ scope: 'all' as 'local' }));
  expect(thrown).toMatchObject({ class: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' });
  expect(thrown.message).toContain("options.scope: got \"all\", wants 'cluster' or 'local'");
});

test('a disconnect ends the right streams at every process', async () => {
  const {
    nodes: [a, b],
    tabs,
  } = await two();
  const ended = await a.evaluate(({ sse }) => {
    sse.broadcast({ event: 'last', data: 1 });
    return [
      sse.disconnectUser('ada'),
      sse.disconnectUser('nobody'),
      sse.disconnectClient('x@b'),
      sse.disconnectClient('nobody'),
    ];
  });
  expect(ended).toEqual([2, 0, true, false]);
  const [atA, atB, grace, x] = tabs as [RawClient, RawClient, RawClient, RawClient];
  for (const tab of [atA, atB, x]) {
    await until('the end', () => tab.ended);
    expect([storyOf(tab), tab.isComplete]).toEqual([['last 1'], true]);
  }
  await allKnow([a, b], ['grace@b']);
  await b.evaluate(({ sse }) => sse.broadcast({ event: 'still', data: 2 }));
  await told(grace, 'still 2');
  expect(storyOf(grace)).toEqual(['last 1', 'still 2']);
});

test('an id moves to the process of its newer connection', async () => {
  const {
    nodes: [a, b],
    tabs: [old],
  } = await two();
  const again = await open(b, 'ada', 'ada@a');
  await until('the older one to be ended', () => old?.ended);
  await allKnow([a, b], ['ada@a', 'ada@b', 'grace@b', 'x@b']);
  expect(await a.evaluate(({ sse }) => sse.sendToClient('ada@a', { event: 'moved', data: 1 }))).toBe(true);
  await told(again, 'moved 1');
  expect(old && storyOf(old)).toEqual([]);
});

test('an id of another user is refused at every process', async () => {
  const {
    nodes: [a],
  } = await two();
  const refused = await fetch(`http://127.0.0.1:${a.port}/sse?userId=mallory&clientId=grace@b`);
  expect(refused.status).toBe(409);
});

test('the clients of a killed process disappear after the lease', async () => {
  const {
    nodes: [a, b],
  } = await two();
  expect(await a.evaluate(({ sse }) => sse.stats().cluster)).toMatchObject({ nodes: 1, clients: 3 });
  await b.stop('SIGKILL');
  await allKnow([a], ['ada@a']);
  expect(await a.evaluate(({ sse }) => sse.stats().cluster)).toMatchObject({ link: 'up', nodes: 0, clients: 0 });
  expect(await a.evaluate(({ sse }) => sse.broadcast({ data: 1 }))).toBe(1);
});
