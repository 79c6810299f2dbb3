/** The options of the backplane, how a process gets in, and what it says of how it stands. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';

import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { allKnow, errorsOf, join, launch, linkIs, open, storyOf, told } from './support/nodes';
import { closeClients } from './support/raw-client';
import { Redis, stopRedis } from './support/redis';
import { until } from './support/until';
import { ARGUMENT, RANGE } from './support/witness';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
  await stopRedis();
});

const CONFIGURED = { class: 'Error', code: 'ERR_SSEKIT_CONFIGURED' };

const configure = ({ SSEService }: Given, options: object): boolean =>
  SSEService.configure(options) === SSEService.getInstance();

/** Nobody is there, and it does not matter: the hub is not started. */
const URL = 'redis://ada:s3cret@127.0.0.1:1/2';

test('an invalid option is refused without showing the password', async () => {
  const node = await Evaluator.start();
  const refusals: [object, unknown, string[]][] = [
    [ARGUMENT, 5, ['options.backplane: got 5', 'wants an object']],
    [ARGUMENT, null, ['options.backplane: got null', 'wants an object']],
    [ARGUMENT, URL, ['options.backplane: got a string, wants an object']],
    [ARGUMENT, { redis: 6_379 }, ['options.backplane.redis: got', 'wants a string']],
    [ARGUMENT, { redis: URL, prefix: null }, ['options.backplane.prefix: got', 'wants a string']],
    [ARGUMENT, { redis: URL, ca: {} }, ['options.backplane.ca: got', 'wants a string']],
    [
      ARGUMENT,
      { redis: URL, url: 'x' },
      ['options.backplane.url: no such option; known are', 'redis, prefix', 'leaseMs'],
    ],
    [
      ARGUMENT,
      { redis: URL, leaseMs: '5000' },
      ['options.backplane.leaseMs: got "5000"', 'wants an integer from 1,000 to 3,600,000'],
    ],
    [
      ARGUMENT,
      { redis: URL, whenDown: 'drop' },
      ["options.backplane.whenDown: got \"drop\", wants 'deliver' or 'wait'"],
    ],
    [RANGE, { redis: URL, leaseMs: -1 }, ['options.backplane.leaseMs: got -1']],
  ];
  for (const [name, first, last] of BOUNDS) {
    refusals.push([
      RANGE,
      { redis: URL, [name]: first - 1 },
      [`options.backplane.${name}: got ${first - 1}`, last.toLocaleString('en')],
    ]);
    refusals.push([
      RANGE,
      { redis: URL, [name]: last + 1 },
      [`options.backplane.${name}: got ${last + 1}`, first.toLocaleString('en')],
    ]);
  }
  for (const [error, backplane, says] of refusals) {
    const thrown = await node.thrownBy(configure, { backplane });
    expect([backplane, thrown]).toMatchObject([backplane, error]);
    for (const part of says) expect(thrown.message).toContain(part);
    expect(thrown.message).not.toContain('s3cret');
  }
  // And nothing is set.
  expect(await node.evaluate(({ sse }) => sse.stats().cluster)).toBe(null);
});

const BOUNDS = [
  ['leaseMs', 1_000, 3_600_000],
  ['maxBufferedEvents', 1, 10_000_000],
  ['maxBufferedBytes', 1_024, 2 ** 40],
] as const;

test.each([1, 2])('values at the bounds are accepted, also twice', async (which) => {
  const node = await Evaluator.start();
  const numbers = Object.fromEntries(BOUNDS.map((bound) => [bound[0], bound[which]]));
  const backplane = { redis: URL, prefix: 'my-app_1.2:3/4', whenDown: 'wait' as const, ...numbers };
  for (let times = 0; times < 2; times += 1) expect(await node.evaluate(configure, { backplane })).toBe(true);
});

test('a different option is named without showing the URL', async () => {
  const node = await Evaluator.start();
  const set = { redis: URL, prefix: 'mine', leaseMs: 5_000 };
  await node.evaluate(configure, { backplane: set });
  const others: [object, string][] = [
    [{ ...set, redis: 'redis://ada:0ther@127.0.0.1:1/2' }, 'backplane.redis'],
    [{ ...set, redis: 'redis://127.0.0.1:2' }, 'backplane.redis'],
    [{ ...set, leaseMs: 6_000 }, 'backplane.leaseMs'],
    [{ ...set, maxBufferedEvents: 1_000 }, 'backplane.maxBufferedEvents'],
    [{ ...set, maxBufferedBytes: 2_000 }, 'backplane.maxBufferedBytes'],
    [{ ...set, whenDown: 'wait' }, 'backplane.whenDown'],
  ];
  for (const [backplane, name] of others) {
    const thrown = await node.thrownBy(configure, { backplane });
    expect([name, thrown]).toMatchObject([name, CONFIGURED]);
    expect(thrown.message).toContain(name);
    expect(thrown.message).not.toMatch(/s3cret|0ther|127\.0\.0\.1/);
  }
});

test("apps with different prefixes do not receive each other's events", async () => {
  const redis = await Redis.start();
  const [a, b, c] = (await Promise.all(
    [undefined, 'other', 'other'].map((prefix) => join(redis.url, { backplane: prefix ? { prefix } : {} })),
  )) as [Evaluator, Evaluator, Evaluator];
  const tabs = [await open(a, 'ada', 'tab-a'), await open(b, 'ada', 'tab-b')];
  await allKnow([c], ['tab-b']);
  expect(await a.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 'a' }))).toBe(1);
  expect(await c.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 'c' }))).toBe(1);
  for (const [index, own] of ['a', 'c'].entries()) {
    const tab = tabs[index] as (typeof tabs)[number];
    await told(tab, `all "${own}"`);
    expect(storyOf(tab)).toEqual([`all "${own}"`]);
  }
  const keys = (await redis.command('KEYS', '*')) as string[];
  const named = new Set(keys.map((key) => key.replace(/:count:[^:]+:/, ':count:<node>:')));
  const each = ['count:<node>:events', 'count:<node>:members', 'events', 'history', 'log-outs', 'members'];
  expect(named).toEqual(new Set(['{other}', '{ssekit}'].flatMap((prefix) => each.map((key) => `${prefix}:${key}`))));
});

test('the environment names Redis if no option does', async () => {
  const redis = await Redis.start();
  const env = { SSEKIT_REDIS_URL: redis.url };
  const [plain, configured] = [await Evaluator.start(undefined, env), await Evaluator.start({ retryMs: 1_000 }, env)];
  const empty = await Evaluator.start(undefined, { SSEKIT_REDIS_URL: '' });
  const ready = ({ sse }: Given) => sse.ready();
  expect(await Promise.all([plain, configured, empty].map((node) => node.evaluate(ready)))).toEqual([true, true, true]);
  const tab = await open(plain, 'ada', 'tab');
  await allKnow([plain, configured], ['tab']);
  expect(await configured.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 1 }))).toBe(1);
  await told(tab, 'user 1');
  expect(await empty.evaluate(({ sse }) => sse.stats().cluster)).toBe(null);
  // Its other options hold for the one that the environment names.
  const apart = await Evaluator.start({ backplane: { prefix: 'apart' } }, env);
  expect(await apart.evaluate(ready)).toBe(true);
  expect(await redis.command('EXISTS', '{apart}:history')).toBe(1);
  expect(await apart.evaluate(({ sse }) => sse.getActiveClients())).toEqual([]);
  const other = await Evaluator.start(undefined, env);
  // Told of another one, it takes that.
  await other.evaluate(configure, { backplane: { redis: 'redis://127.0.0.1:1' } });
  expect(await other.evaluate(({ sse }) => sse.getActiveClients())).toEqual([]);
  await linkIs(other, 'down');
});

test('a hub without a backplane works alone', async () => {
  const node = await Evaluator.start();
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(true);
  const tab = await open(node, 'ada', 'tab');
  const { cluster, metrics, scopes } = await node.evaluate(async ({ sse }) => {
    sse.broadcast({ event: 'all', data: 1 });
    await sse.flush();
    const scopes = (['cluster', 'local'] as const).map((scope) => [
      sse.getActiveClients({ scope }),
      sse.getClientsByUser('ada', { scope }),
      sse.isOnline('ada', { scope }),
    ]);
    return { cluster: sse.stats().cluster, metrics: sse.metrics(), scopes };
  });
  expect(cluster).toBe(null);
  expect(metrics).not.toMatch(/ssekit_(backplane|cluster)_/);
  expect(scopes).toEqual([
    [['tab'], ['tab'], true],
    [['tab'], ['tab'], true],
  ]);
  await told(tab, 'all 1');
  expect(tab.events().at(-1)?.id).toMatch(/^[a-z0-9]+\.1$/);
});

const METRICS = [
  'backplane_buffered',
  'backplane_buffered_bytes',
  'backplane_dropped_total',
  'backplane_outages_total',
  'backplane_unreadable_total',
  'backplane_up',
  'cluster_other_clients',
  'cluster_other_nodes',
];

test('stats() and metrics() show the state of the cluster', async () => {
  const redis = await Redis.start({ appendonly: true });
  const [a, b] = [await join(redis.url), await join(redis.url)];
  await open(b, 'ada', 'tab');
  await allKnow([a], ['tab']);
  const look = () =>
    a.evaluate(({ sse }) => {
      const values = sse.metrics().matchAll(/^ssekit_((?:backplane|cluster)_\w+) (\d+)$/gm);
      return { cluster: sse.stats().cluster, metrics: [...values].map(([, name, value]) => `${name} ${value}`).sort() };
    });
  const metrics = (values: number[]) => METRICS.map((name, index) => `${name} ${values[index]}`);
  const settled = { nodes: 1, clients: 1, buffered: 0, bufferedBytes: 0, dropped: 0, dir: null };
  expect(await look()).toEqual({
    cluster: { link: 'up', outages: 0, ...settled },
    metrics: metrics([0, 0, 0, 0, 0, 1, 1, 1]),
  });
  await redis.kill();
  await linkIs(a, 'down');
  await a.evaluate(({ sse }) => sse.broadcast({ data: 1 }));
  const down = await look();
  expect(down.cluster).toMatchObject({ link: 'down', outages: 1, buffered: 1, nodes: 1, clients: 1 });
  expect(down.metrics).toEqual(metrics([1, down.cluster?.bufferedBytes as number, 0, 1, 0, 0, 1, 1]));
  expect(down.cluster?.bufferedBytes).toBeGreaterThan(0);
  await redis.restart();
  await a.evaluate(({ sse }) => sse.flush());
  await until('everything as before', async () => {
    const { cluster } = await look();
    return cluster?.link === 'up' && cluster.nodes === 1 && cluster.clients === 1;
  });
  expect(await look()).toEqual({
    cluster: { link: 'up', outages: 1, ...settled },
    metrics: metrics([0, 0, 0, 1, 0, 1, 1, 1]),
  });
});

/** As docs/cluster.md has it. */
const RIGHTS =
  '~{ssekit}:* -@all +auth +select +info +eval +evalsha +xread +xadd +xrange +hget +hset +get +set +del +time ' +
  '+zadd +zcard +zrange +zremrangebyrank +zremrangebyscore';

test('the documented Redis rights are enough', async () => {
  const redis = await Redis.start({ appendonly: true });
  await redis.command('ACL', 'SETUSER', 'ssekit', 'on', '>s3cret', 'resetchannels', ...RIGHTS.split(' '));
  await redis.command('ACL', 'LOG', 'RESET');
  const url = redis.url.replace('//', '//ssekit:s3cret@');
  const [a, b] = [await join(url), await join(url)];
  const tab = await open(a, 'ada', 'tab');
  await allKnow([a, b], ['tab']);
  await b.evaluate(async ({ sse }) => {
    for (let i = 0; i < 2_000; i += 1) sse.broadcast({ event: 'all', data: i });
    await sse.flush();
  });
  await told(tab, 'all 1999');
  expect(await b.evaluate(({ sse }) => sse.disconnectUser('ada'))).toBe(1);
  await until('the end', () => tab.ended);
  await allKnow([a, b], []);
  expect(await redis.command('ACL', 'LOG')).toEqual([]);
  expect([await errorsOf(a), await errorsOf(b)]).toEqual([[], []]);
});

test.each([
  ['of the server', { requirepass: 'r1ght' }, (url: string) => url],
  [
    'of a user, to another database, as escaped text',
    {},
    (url: string) => `${url.replace('//', '//ada:p%40ss%3A@')}/3`,
  ],
])('the password %s opens', async (_, options, urlOf) => {
  const redis = await Redis.start(options);
  if (!('requirepass' in options)) await redis.command('ACL', 'SETUSER', 'ada', 'on', '>p@ss:', '~*', '+@all');
  const node = await join(urlOf(redis.url));
  expect(await node.evaluate(({ sse }) => sse.stats().cluster?.link)).toBe('up');
});

test.each([
  ['a wrong password', (url: string) => url.replace('r1ght', 'wr0ng'), /WRONGPASS/],
  ['a user that there is not', (url: string) => url.replace(':r1ght', 'eve:wr0ng'), /WRONGPASS/],
])('%s: the event error names the cause, once, and no password', async (_, urlOf, cause) => {
  const redis = await Redis.start({ requirepass: 'r1ght' });
  const node = await launch(urlOf(redis.url));
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(false);
  const errors = await errorsOf(node);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(cause);
  expect(errors.join()).not.toMatch(/wr0ng|r1ght/);
  // Everything else works.
  const tab = await open(node, 'ada', 'tab');
  expect(await node.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 1 }))).toBe(1);
  await told(tab, 'all 1');
});

test('TLS needs the certificate of the authority', async () => {
  const redis = await Redis.start({ tls: true });
  const trusting = await join(redis.url, { backplane: { ca: String(redis.ca) } });
  expect(await trusting.evaluate(({ sse }) => sse.stats().cluster?.link)).toBe('up');
  const other = await launch(redis.url);
  expect(await other.evaluate(({ sse }) => sse.ready())).toBe(false);
  expect(await errorsOf(other)).toEqual([expect.stringMatching(/certificate/i)]);
});

test('TLS accepts an authority from the environment of Node.js', async () => {
  const redis = await Redis.start({ tls: true });
  const folder = await mkdtemp(resolve(tmpdir(), 'ssekit-ca-'));
  const file = resolve(folder, 'ca.pem');
  await writeFile(file, String(redis.ca));
  const node = await launch(redis.url, {}, { NODE_EXTRA_CA_CERTS: file });
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(true);
  // A file that is not there is passed over, as by Node.js.
  const other = await launch(redis.url, {}, { NODE_EXTRA_CA_CERTS: resolve(folder, 'none.pem') });
  expect(await other.evaluate(({ sse }) => sse.ready())).toBe(false);
  expect(await errorsOf(other)).toEqual([expect.stringMatching(/certificate/i)]);
  await rm(folder, { recursive: true });
});
