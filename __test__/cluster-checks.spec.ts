/** The messages of configure about a backplane, and the events of own clients when Redis comes back empty. */
import type { BackplaneOptions } from '../index';
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { join, launch, linkIs, open, storyOf, told } from './support/nodes';
import { closeClients } from './support/raw-client';
import { Redis, stopRedis } from './support/redis';
import { ARGUMENT, RANGE } from './support/witness';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
  await stopRedis();
});

test.each([true, false])('events of an outage are not delivered again, joined before: %s', async (before) => {
  const redis = await Redis.start();
  if (!before) await redis.kill();
  const node = await (before ? join : launch)(redis.url);
  const tab = await open(node, 'ada', 'tab');
  if (before) await redis.kill();
  await linkIs(node, 'down');
  await node.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 1 }));
  await told(tab, 'all 1');
  // Without its data.
  await redis.restart();
  await linkIs(node, 'up');
  await node.evaluate(({ sse }) => sse.broadcast({ event: 'end', data: 2 }));
  await told(tab, 'end 2');
  expect(storyOf(tab).filter((line) => line === 'all 1')).toHaveLength(1);
});

test.each([{ prefix: 'yours' }, { maxStreamEvents: 1_000 }])('a different option is named: %j', async (other) => {
  const node = await Evaluator.start();
  const set = { redis: 'redis://127.0.0.1:1', prefix: 'mine' };
  const configure = ({ SSEService }: Given, backplane: BackplaneOptions): unknown =>
    SSEService.configure({ backplane });
  await node.evaluate(configure, set);
  const thrown = await node.thrownBy(configure, { ...set, ...other });
  expect(thrown.message).toContain(`backplane.${Object.keys(other)[0]}`);
});

const URL = 'redis://ada:s3cret@127.0.0.1:1/2';

test('configure names a wrong URL, prefix or certificate', async () => {
  const node = await Evaluator.start();
  const refusals: [object, BackplaneOptions, string[]][] = [
    [ARGUMENT, { redis: '' }, ['options.backplane.redis: got text that is not a URL', 'wants redis://']],
    [ARGUMENT, { redis: 'ada:s3cret@localhost' }, ['options.backplane.redis: got text that is not a URL']],
    [ARGUMENT, { redis: 'https://ada:s3cret@a' }, ['options.backplane.redis: got a URL with the scheme https']],
    [ARGUMENT, { redis: 'redis://ada:s3cret@' }, ['options.backplane.redis: got a URL without a host']],
    [
      ARGUMENT,
      { redis: 'redis://ada:s3cret@a:port' },
      ['options.backplane.redis: got a URL without a host, or with a port that is not a number'],
    ],
    [ARGUMENT, { redis: `${URL}x` }, ['options.backplane.redis: got a database that is not a number']],
    [
      ARGUMENT,
      { redis: 'redis+sentinel://ada:s3cret@a' },
      ['options.backplane.redis: got a URL without the name of a service'],
    ],
    [ARGUMENT, { redis: URL, prefix: '' }, ['options.backplane.prefix: got "", wants 1 to 128 letters']],
    [ARGUMENT, { redis: URL, prefix: 'a{b}' }, ['options.backplane.prefix: got "a{b}", wants 1 to 128 letters']],
    [
      ARGUMENT,
      { redis: 'rediss://a', ca: 'none' },
      ['options.backplane.ca: got text without a usable certificate, wants certificates in PEM'],
    ],
    [RANGE, { redis: URL, maxStreamEvents: 99 }, ['options.backplane.maxStreamEvents: got 99']],
  ];
  for (const [error, backplane, says] of refusals) {
    const thrown = await node.thrownBy(({ SSEService }, backplane) => SSEService.configure({ backplane }), backplane);
    expect([backplane, thrown]).toMatchObject([backplane, error]);
    for (const part of says) expect(thrown.message).toContain(part);
    expect(thrown.message).not.toContain('s3cret');
  }
});
