/** Processes that share a Redis or a folder, each a node with its own hub. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import type { BackplaneOptions, SSEOptions } from '../../index';
import { Evaluator, stopEvaluators } from './evaluator';
import { closeClients, RawClient, type RequestOptions } from './raw-client';
import { Redis, stopRedis } from './redis';
import { until } from './until';

export type NodeOptions = Omit<SSEOptions, 'backplane'> & { backplane?: BackplaneOptions };

/** A Redis for all tests of a file. After each of them its clients and nodes are ended, and what it holds is gone. */
export function sharedRedis(): Pick<Redis, 'url' | 'command' | 'kill' | 'restart'> {
  let redis: Redis;
  beforeAll(async () => {
    redis = await Redis.start();
  });
  afterEach(async () => {
    closeClients();
    await stopEvaluators();
    await redis.command('FLUSHALL');
  });
  afterAll(stopRedis);
  return {
    get url() {
      return redis.url;
    },
    command: (...words) => redis.command(...words),
    kill: () => redis.kill(),
    restart: () => redis.restart(),
  };
}

/** A folder for each test of a file, not made yet. After each test, its clients and nodes are ended, and the folder is gone. */
export function ownFolder(): { readonly dir: string } {
  let parent: string;
  beforeEach(() => {
    parent = mkdtempSync(path(tmpdir(), 'ssekit-data-'));
  });
  afterEach(async () => {
    closeClients();
    await stopEvaluators();
    rmSync(parent, { recursive: true });
  });
  return {
    get dir() {
      return path(parent, 'data');
    },
  };
}

/** Starts one at a URL of Redis, or at a folder, and lets it note what its event `error` says. It is not waited for. */
export async function launch(
  place: string,
  { backplane, ...options }: NodeOptions = {},
  env: Record<string, string> = {},
): Promise<Evaluator> {
  // No heartbeat comes between, and a node that is killed is soon gone for the others.
  const at = place.includes('://') ? { redis: place } : { file: place };
  const settings = { heartbeatMs: 3_600_000, ...options, backplane: { ...at, leaseMs: 2_000, ...backplane } };
  const node = await Evaluator.start(settings, env);
  await node.evaluate(({ sse, state }) => {
    state.errors = [];
    sse.on('error', (error) => state.errors.push(error.message));
  });
  return node;
}

/** Starts one, and waits until it knows the others. */
export async function join(place: string, options?: NodeOptions): Promise<Evaluator> {
  const node = await launch(place, options);
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(true);
  return node;
}

/** Opens a stream at a node. */
export function open(
  node: Evaluator,
  userId: string | null,
  clientId: string,
  lastEventId?: string,
): Promise<RawClient> {
  const query = new URLSearchParams({ ...(userId !== null && { userId }), clientId });
  const request: RequestOptions = { path: `/sse?${query}` };
  if (lastEventId !== undefined) request.headers = { 'last-event-id': lastEventId };
  return RawClient.stream(node.port, request);
}

/** Waits until each of the nodes knows exactly these clients. */
export async function allKnow(nodes: Evaluator[], clientIds: string[]): Promise<void> {
  const wanted = JSON.stringify(clientIds.toSorted());
  for (const node of nodes) {
    await until(`a node to know of ${wanted}`, async () => {
      const known = await node.evaluate(({ sse }) => sse.getActiveClients());
      return JSON.stringify(known.toSorted()) === wanted;
    });
  }
}

/** Waits until the node stands so with its backplane. */
export async function linkIs(node: Evaluator, link: 'starting' | 'up' | 'down'): Promise<void> {
  await until(
    `the link to be ${link}`,
    async () => (await node.evaluate(({ sse }) => sse.stats().cluster?.link)) === link,
  );
}

export const errorsOf = (node: Evaluator): Promise<string[]> => node.evaluate(({ state }) => state.errors);

/** A client's events beside `ssekit:ready`: name, data. */
export const storyOf = (client: RawClient): string[] =>
  client
    .events()
    .filter(({ event }) => event !== 'ssekit:ready')
    .map(({ event, data }) => `${event} ${data}`);

export const told = (client: RawClient, what: string): Promise<true> =>
  until(`${what}, not only ${storyOf(client).slice(-5)}`, () => storyOf(client).includes(what));

/** An event's position, without the key that an anonymous client's ids end with. */
export const placeOf = (id: string | undefined): string => (id ?? '').split('~', 1)[0] ?? '';

/** The id of the newest event that a client has. */
export const lastIdOf = (client: RawClient): string => client.events().at(-1)?.id ?? '';
