/** Several processes on one folder are one hub. */
import type { Evaluator } from './support/evaluator';
import { allKnow, errorsOf, join, launch, open, ownFolder, storyOf, told } from './support/nodes';
import { killPrograms, Program } from './support/program';
import { until } from './support/until';

const folder = ownFolder();
afterEach(killPrograms);

const sendToAda = (node: Evaluator, data: number): Promise<number> =>
  node.evaluate(({ sse }, data) => sse.sendToUser('ada', { event: 'user', data }), data);

test('a worker reaches the clients of two servers, and learns when one of them is killed', async () => {
  const [a, b, worker] = [await join(folder.dir), await join(folder.dir), await join(folder.dir)];
  const tabs = [await open(a, 'ada', 'ada@a'), await open(b, 'ada', 'ada@b'), await open(b, 'grace', 'grace@b')];
  await allKnow([a, b, worker], ['ada@a', 'ada@b', 'grace@b']);
  expect(await sendToAda(worker, 1)).toBe(2);
  for (const tab of tabs.slice(0, 2)) await told(tab, 'user 1');
  await b.stop('SIGKILL');
  // Its lease runs out. Until then, its clients may come back unnoticed.
  await allKnow([a, worker], ['ada@a']);
  expect(await worker.evaluate(({ sse }) => [sse.isOnline('ada'), sse.isOnline('grace')])).toEqual([true, false]);
  expect(await sendToAda(worker, 2)).toBe(1);
  await told(tabs[0] as (typeof tabs)[number], 'user 2');
  expect(tabs.map(storyOf)).toEqual([['user 1', 'user 2'], ['user 1'], []]);
  expect([await errorsOf(a), await errorsOf(worker)]).toEqual([[], []]);
});

test('a killed worker is replaced, and its events were not lost', async () => {
  const server = await join(folder.dir);
  const tab = await open(server, 'ada', 'tab');
  for (const number of [1, 2, 3]) {
    const worker = await join(folder.dir);
    await sendToAda(worker, number);
    await told(tab, `user ${number}`);
    await worker.stop('SIGKILL');
  }
  expect(storyOf(tab)).toEqual(['user 1', 'user 2', 'user 3']);
});

test.each(['ends', 'exits'])('a script that %s at once has handed on what it sent', async (end) => {
  const server = await join(folder.dir);
  const tab = await open(server, 'ada', 'tab');
  for (const number of [1, 2, 3, 4, 5]) {
    const script = new Program('sends-only.cjs', [JSON.stringify({ file: folder.dir }), String(number), end]);
    await script.ends();
    expect(script.ending).toEqual({ end: 0, stderr: '' });
    await told(tab, `user ${number}`);
  }
  expect(storyOf(tab)).toEqual(['user 1', 'user 2', 'user 3', 'user 4', 'user 5']);
});

test('two servers that start at the same moment agree, twenty times', async () => {
  for (let times = 0; times < 20; times += 1) {
    const dir = `${folder.dir}-${times}`;
    const nodes = (await Promise.all([launch(dir), launch(dir)])) as [Evaluator, Evaluator];
    const ready = await Promise.all(nodes.map((node) => node.evaluate(({ sse }) => sse.ready())));
    expect(ready).toEqual([true, true]);
    const epochs = await Promise.all(nodes.map((node) => node.evaluate(({ sse }) => sse.stats().epoch)));
    expect(epochs[0]).toBe(epochs[1]);
    const tabs = await Promise.all(nodes.map((node, index) => open(node, 'ada', `tab-${index}`)));
    await allKnow(nodes, ['tab-0', 'tab-1']);
    expect(await Promise.all([sendToAda(nodes[0], 1), sendToAda(nodes[1], 1)])).toEqual([2, 2]);
    for (const tab of tabs) await until('both events', () => storyOf(tab).length === 2);
    expect(await Promise.all(nodes.map(errorsOf))).toEqual([[], []]);
    await Promise.all(nodes.map((node) => node.stop()));
  }
});
