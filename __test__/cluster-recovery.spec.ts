/** A fault of Redis is reported once and ends with its repair. */
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { errorsOf, join, launch, linkIs, open, told } from './support/nodes';
import { closeClients } from './support/raw-client';
import { Redis, stopRedis } from './support/redis';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
  await stopRedis();
});

const flush = (node: Evaluator): Promise<void> => node.evaluate(({ sse }) => sse.flush());

test('a silent process reports each cause of an outage once', async () => {
  const redis = await Redis.start({ appendonly: true });
  const node = await join(redis.url);
  for (let times = 1; times <= 4; times += 1) {
    await node.evaluate(({ state }) => {
      state.errors.length = 0;
    });
    await redis.kill();
    await linkIs(node, 'down');
    await redis.restart();
    await linkIs(node, 'up');
    // The first thing that it appends after the outage.
    await node.evaluate(({ sse }) => sse.broadcast({ data: 1 }));
    await flush(node);
    await linkIs(node, 'up');
    const errors = await errorsOf(node);
    expect(errors).toEqual([...new Set(errors)]);
    expect(await node.evaluate(({ sse }) => sse.stats().cluster?.outages)).toBe(times);
  }
});

/** Redis stands still for so long that a connection is made, and given up on, while it does. */
test.each([7_500, 12_500])('a Redis silent for %d ms is used again', async (ms) => {
  const redis = await Redis.start();
  const node = await join(redis.url);
  const tab = await open(node, 'ada', 'tab');
  redis.pause();
  await node.evaluate(async ({ sse }, ms) => {
    const timer = setInterval(() => sse.broadcast({ event: 'tick', data: 0 }), 20);
    await new Promise((resolve) => setTimeout(resolve, ms));
    clearInterval(timer);
  }, ms);
  redis.resume();
  await linkIs(node, 'up');
  await flush(node);
  await node.evaluate(({ sse }) => sse.broadcast({ event: 'end', data: 0 }));
  await told(tab, 'end 0');
  for (const error of await errorsOf(node)) expect(error).not.toMatch(/cannot be understood|not ssekit's/);
});

test('the event error reports a missing password', async () => {
  const redis = await Redis.start({ requirepass: 'r1ght' });
  const node = await launch(redis.url.replace(':r1ght@', ''));
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(false);
  expect(await errorsOf(node)).toEqual([expect.stringMatching(/NOAUTH/)]);
});
