/** A process that only sends, as a job's worker does, and then ends. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join as path } from 'node:path';
import { freePort } from './support/free-port';
import { allKnow, join, open, sharedRedis, storyOf, told } from './support/nodes';
import { killPrograms, Program } from './support/program';

const redis = sharedRedis();
afterEach(killPrograms);

const STEPS = ['step 1', 'step 2', 'step 3', 'step 4', 'step 5'];

test('a worker sends, flushes and ends by itself', async () => {
  const node = await join(redis.url);
  const tab = await open(node, 'ada', 'ada@a');
  for (let times = 1; times <= 3; times += 1) {
    // The counts are of the clients of other processes: it has none itself.
    expect(await Program.result('sends-and-ends.cjs', [redis.url])).toEqual([1, true, 1]);
    await told(tab, 'step 5');
    expect((await tab.next(5 * times)).slice(-5).map(({ event, data }) => `${event} ${data}`)).toEqual(STEPS);
  }
  expect(storyOf(tab)).toHaveLength(15);
  await allKnow([node], ['ada@a']);
});

test('a variable of the environment is enough', async () => {
  const node = await join(redis.url);
  const tab = await open(node, 'ada', 'ada@a');
  const program = path(__dirname, 'programs', 'sends-and-ends.cjs');
  const worker = fork(program, { env: { ...process.env, SSEKIT_REDIS_URL: redis.url }, stdio: 'pipe' });
  const [[counts], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  expect([counts, code]).toEqual([[1, true, 1], 0]);
  await told(tab, 'step 5');
  expect(storyOf(tab)).toEqual(STEPS);
});

test('a worker without a backplane reaches nobody', async () => {
  const node = await join(redis.url);
  const tab = await open(node, 'ada', 'ada@a');
  expect(await Program.result('sends-and-ends.cjs')).toEqual([0, false, 0]);
  expect(storyOf(tab)).toEqual([]);
});

test('a script that does not wait has handed on what it sent', async () => {
  const node = await join(redis.url);
  const tab = await open(node, 'ada', 'ada@a');
  for (const [number, end] of ['ends', 'exits', 'ends', 'exits'].entries()) {
    const script = new Program('sends-only.cjs', [JSON.stringify({ redis: redis.url }), String(number), end]);
    await script.ends();
    expect(script.ending).toEqual({ end: 0, stderr: '' });
    await told(tab, `user ${number}`);
  }
  expect(storyOf(tab)).toEqual(['user 0', 'user 1', 'user 2', 'user 3']);
});

test('a script ends, too, if there is no Redis', async () => {
  const backplane = { redis: `redis://127.0.0.1:${await freePort()}` };
  const script = new Program('sends-only.cjs', [JSON.stringify(backplane), '1', 'exits']);
  await script.ends();
  expect(script.ending.end).toBe(0);
});
