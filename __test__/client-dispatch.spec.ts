/** `ssekit/client` gives events to a page's handlers in order, once, and never past a reset. */
import { createClient } from '../ts/client/create-client';
import type { StandardSchema } from '../ts/client/index';
import { endPages, stopClocks, watch } from './support/page-client';
import { event, ready, refusal, StreamServer, stream } from './support/stream-server';
import { until } from './support/until';

beforeEach(() => stopClocks());
afterEach(endPages);

const RESET = event('ssekit:reset', { reason: 'unknown' }, 'z.5');

/** A promise, and the functions that settle it. */
function deferred() {
  let [resolve, reject] = [() => {}, (_: Error) => {}];
  const promise = new Promise<void>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve: () => resolve(), reject: (error: Error) => reject(error) };
}

describe('handlers', () => {
  test('of a name get its events, and those of * all', async () => {
    const idle = event('ssekit:heartbeat', {}) + event('ssekit:position', {}, 'z.2');
    const server = await StreamServer.start([
      stream(`${ready()}${event('a', 1, 'z.1')}${idle}${event('b', 2)}data: 3\n\n`),
    ]);
    const { client, got } = watch({ url: server.url });
    const [some, all]: unknown[][] = [[], []];
    client.on('a', (data, { event, id }) => some?.push([data, event, id]));
    client.on('message', (data) => some?.push(data));
    client.on('*', (_, { event, id }) => all?.push([event, id]));
    await got(1, 2, 3);
    expect(some).toEqual([[1, 'a', 'z.1'], 3]);
    expect(all).toEqual([
      ['ssekit:ready', ''],
      ['a', 'z.1'],
      ['b', 'z.2'],
      ['message', 'z.2'],
    ]);
  });

  test('are removed one by one, even if they are the same function', async () => {
    const server = await StreamServer.start([stream()]);
    const { client, got, is } = watch({ url: server.url });
    const handler = jest.fn();
    const off = client.on('a', handler);
    client.on('a', handler);
    await is('open');
    server.seen[0]?.res.write(event('a', 1));
    await got(1);
    off();
    off();
    server.seen[0]?.res.write(event('a', 2));
    await got(1, 2);
    expect(handler.mock.calls.map(([data]) => data)).toEqual([1, 1, 2]);
  });

  test('that fail stop neither the others nor the stream', async () => {
    const server = await StreamServer.start([stream()]);
    const page = watch({ url: server.url });
    page.client.on('a', () => {
      throw new Error('thrown');
    });
    page.client.on('a', async () => {
      throw new Error('rejected');
    });
    const last = jest.fn();
    page.client.on('a', last);
    await page.is('open');
    server.seen[0]?.res.write(event('a', 1) + event('a', 2));
    await page.got(1, 2);
    await until('four faults', () => page.errors.length === 4);
    expect(last).toHaveBeenCalledTimes(2);
    expect(page.errors.map(({ code }) => code)).toEqual(['handler', 'handler', 'handler', 'handler']);
    expect(page.errors[0]).toMatchObject({ message: 'Handler of a failed: thrown', cause: { message: 'thrown' } });
    expect(page.client.status.state).toBe('open');
  });

  test('of errors that fail are logged, and keep no other from being called', async () => {
    const log = jest.spyOn(console, 'error').mockReturnValue();
    const server = await StreamServer.start([refusal(500)]);
    const page = watch({ url: server.url });
    page.client.onError(() => {
      throw new Error('again');
    });
    await page.is('waiting');
    expect(page.errors).toHaveLength(1);
    expect(log.mock.calls[0]).toMatchObject([{ message: 'again' }, 'error']);
  });
});

test('errors without a handler are logged', async () => {
  const log = jest.spyOn(console, 'error').mockReturnValue();
  const server = await StreamServer.start([refusal(401)]);
  const client = createClient({ url: server.url });
  await until('the end', () => client.status.state === 'closed');
  expect(log.mock.calls).toMatchObject([[{ code: 'refused', status: 401 }]]);
});

test('data that is not JSON is left out, and the error says whose it was', async () => {
  const server = await StreamServer.start([stream(`event: a\ndata: {no\nid: z.1\n\n${event('a', 2)}`)]);
  const page = watch({ url: server.url });
  await page.got(2);
  expect(page.errors).toMatchObject([{ code: 'data', message: expect.stringMatching(/^Event a left out: .*JSON/) }]);
});

describe('a schema', () => {
  const number = (value: unknown) =>
    typeof value === 'number' ? { value: value * 10 } : { issues: [{ message: 'wants a number' }] };
  const schema = (validate: StandardSchema<number>['~standard']['validate']): { a: StandardSchema<number> } => ({
    a: { '~standard': { validate } },
  });

  test.each([
    ['at once', schema(number)],
    ['later', schema(async (value) => number(value))],
  ])('that answers %s decides what handlers get, in order', async (_, schemas) => {
    const server = await StreamServer.start([
      stream(event('a', 1) + event('a', 'x') + event('b', 'y') + event('a', 2)),
    ]);
    const page = watch({ url: server.url, schemas });
    await page.got(10, 'y', 20);
    expect(page.errors).toMatchObject([{ code: 'data', message: expect.stringContaining('wants a number') }]);
  });

  test.each([
    [
      'throws',
      schema(() => {
        throw new Error('broken');
      }),
    ],
    [
      'rejects',
      schema(async () => {
        throw new Error('broken');
      }),
    ],
  ])('that %s leaves the event out', async (_, schemas) => {
    const server = await StreamServer.start([stream(event('a', 1) + event('b', 2))]);
    const page = watch({ url: server.url, schemas });
    await page.got(2);
    expect(page.errors).toMatchObject([{ code: 'data', message: 'Event a left out: broken' }]);
  });

  test('of no event with a name that every object has', async () => {
    const server = await StreamServer.start([stream(event('constructor', 1) + event('toString', 2))]);
    await watch({ url: server.url, schemas: {} }).got(1, 2);
  });
});

describe('a reset', () => {
  test('lets other events wait until the state is there', async () => {
    const server = await StreamServer.start([stream(event('a', 1, 'z.4') + RESET + event('a', 2, 'z.6'))]);
    const page = watch({ url: server.url });
    const refetch = deferred();
    const resets: unknown[] = [];
    page.client.onReset((reset) => {
      resets.push(reset);
      return refetch.promise;
    });
    await until('the reset', () => resets.length === 1);
    server.seen[0]?.res.write(event('a', 3, 'z.7'));
    await jest.advanceTimersByTimeAsync(10_000);
    expect(page.events.map(({ data }) => data)).toEqual([1]);
    // Missed events are still missed.
    expect(page.client.cursor).toBe('z.4');
    refetch.resolve();
    await page.got(1, 2, 3);
    expect(resets).toEqual([{ reason: 'unknown' }]);
    expect(page.client.cursor).toBe('z.7');
  });

  test('is called again until it succeeds', async () => {
    const server = await StreamServer.start([stream(RESET + event('a', 1))]);
    const page = watch({ url: server.url });
    let calls = 0;
    page.client.onReset(async () => {
      calls += 1;
      if (calls < 3) throw new Error('502');
    });
    await until('the first failure', () => page.errors.length === 1);
    await jest.advanceTimersByTimeAsync(249);
    expect(calls).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(calls).toBe(2);
    await jest.advanceTimersByTimeAsync(500);
    await page.got(1);
    expect(calls).toBe(3);
    expect(page.errors.map(({ code, message }) => [code, message])).toEqual([
      ['reset', 'onReset failed: 502'],
      ['reset', 'onReset failed: 502'],
    ]);
  });

  test('during another one comes after it', async () => {
    const server = await StreamServer.start([
      stream(RESET + event('ssekit:reset', { reason: 'evicted' }) + event('a', 1)),
    ]);
    const page = watch({ url: server.url });
    const [first, story] = [deferred(), [] as unknown[]];
    page.client.onReset(async ({ reason }) => {
      story.push(reason);
      if (reason === 'unknown') await first.promise;
      story.push(`${reason} done`);
    });
    page.client.on('a', (data) => story.push(data));
    await until('the first', () => story.length === 1);
    first.resolve();
    await page.got(1);
    expect(story).toEqual(['unknown', 'unknown done', 'evicted', 'evicted done', 1]);
  });

  test('without a handler is an error that says what to do', async () => {
    const server = await StreamServer.start([stream(RESET + event('a', 1))]);
    const page = watch({ url: server.url });
    await page.got(1);
    expect(page.errors).toMatchObject([{ code: 'reset', message: expect.stringContaining('`onReset`') }]);
  });

  test('whose handler is removed is not called again', async () => {
    const server = await StreamServer.start([stream(RESET + event('a', 1))]);
    const page = watch({ url: server.url });
    const refetch = jest.fn().mockRejectedValue(new Error('502'));
    const off = page.client.onReset(refetch);
    await until('the failure', () => page.errors.length === 1);
    off();
    await jest.advanceTimersByTimeAsync(30_000);
    await page.got(1);
    expect(refetch).toHaveBeenCalledTimes(1);
  });

  test('ends when the client is closed, and nothing comes after it', async () => {
    const server = await StreamServer.start([stream(RESET + event('a', 1))]);
    const page = watch({ url: server.url });
    const refetch = jest.fn().mockRejectedValue(new Error('502'));
    page.client.onReset(refetch);
    await until('the failure', () => page.errors.length === 1);
    page.client.close();
    await jest.advanceTimersByTimeAsync(30_000);
    expect([refetch.mock.calls.length, page.events]).toEqual([1, []]);
    expect(page.client.cursor).toBeUndefined();
  });
});

describe('what waits for a refetch that never ends', () => {
  const OVERFLOW = { reason: 'overflow' };
  /** Events of these numbers, with an id each. */
  const numbers = (from: number, to: number, pad = ''): string =>
    Array.from({ length: to - from + 1 }, (_, at) => event('a', `${from + at}${pad}`, `z.${from + at}`)).join('');

  /** A page whose first refetch ends when the test says so. */
  async function stalled() {
    const server = await StreamServer.start([stream(RESET)]);
    const page = watch({ url: server.url });
    const [refetch, resets] = [deferred(), [] as unknown[]];
    page.client.onReset((reset) => {
      resets.push(reset);
      return resets.length === 1 ? refetch.promise : undefined;
    });
    await until('the reset', () => resets.length === 1);
    const { res } = await server.request(1);
    return { page, refetch, resets, write: (text: string) => void res.write(text), end: () => void res.end() };
  }

  test.each([
    ['10,000 events', numbers(1, 10_001)],
    ['10,000,000 characters', numbers(1, 10, 'x'.repeat(1_000_000))],
  ])('is dropped over %s, for one more reset', async (_, flood) => {
    const { page, refetch, resets, write } = await stalled();
    write(flood);
    await until('the error', () => page.errors.length === 1);
    expect(page.errors).toMatchObject([{ code: 'reset', message: expect.stringContaining('`onReset`') }]);
    write(event('a', 'later', 'z.20000'));
    write(event('ssekit:subscribed', { channel: 'seen' }));
    refetch.resolve();
    await page.got('later');
    expect(resets).toEqual([{ reason: 'unknown' }, OVERFLOW]);
    expect(page.client.cursor).toBe('z.20000');
  });

  test('is kept up to there', async () => {
    const { page, refetch, resets, write, end } = await stalled();
    write(numbers(1, 10_000));
    // The stream's end comes after all of it.
    end();
    await page.is('waiting');
    refetch.resolve();
    await until('all', () => page.events.length === 10_000);
    expect([resets.length, page.errors, page.client.cursor]).toEqual([1, [], 'z.10000']);
  });

  test('is told once, however much is dropped', async () => {
    const { page, refetch, resets, write } = await stalled();
    for (let time = 0; time < 3; time += 1) write(numbers(1, 10_001));
    write(event('a', 'last', 'z.5'));
    await until('the error', () => page.errors.length === 1);
    refetch.resolve();
    await until('the last', () => page.events.at(-1)?.data === 'last');
    expect(page.errors).toHaveLength(1);
    expect(resets).toEqual([{ reason: 'unknown' }, OVERFLOW]);
  });
});

describe('iteration', () => {
  test('that lags by more than 10,000 events gets a reset in their place', async () => {
    const server = await StreamServer.start([stream(event('a', 0, 'z.0'))]);
    const page = watch({ url: server.url });
    const got: unknown[] = [];
    for await (const { event: name, data, id } of page.client) {
      got.push([name, data, id]);
      if (got.length === 1) {
        const flood = Array.from({ length: 10_001 }, (_, at) => event('a', at + 1, `z.${at + 1}`)).join('');
        server.seen[0]?.res.write(flood + event('b', 'after', 'z.20000'));
        await until('the flood', () => page.events.at(-1)?.data === 'after');
      }
      if (data === 'after') break;
    }
    expect(got).toEqual([
      ['a', 0, 'z.0'],
      ['ssekit:reset', { reason: 'overflow' }, 'z.10001'],
      ['b', 'after', 'z.20000'],
    ]);
    expect(page.errors).toMatchObject([{ code: 'reset' }]);
  });

  test('gives each event, and ends with the client', async () => {
    const server = await StreamServer.start([stream(event('a', 1) + event('a', 2)), refusal(204)]);
    const { client } = watch({ url: server.url });
    const got: unknown[] = [];
    for await (const { event, data } of client) {
      got.push([event, data]);
      if (data === 2) server.seen[0]?.res.end();
      if (data === 2) await until('the wait', () => client.status.state === 'waiting');
      await jest.advanceTimersByTimeAsync(500);
    }
    expect(got).toEqual([
      ['a', 1],
      ['a', 2],
    ]);
    expect(client.status).toMatchObject({ state: 'closed', httpStatus: 204 });
  });

  test('that is left keeps nothing', async () => {
    const server = await StreamServer.start([stream(event('a', 1) + event('a', 2))]);
    const { client, got } = watch({ url: server.url });
    for await (const { data } of client) if (data === 1) break;
    await got(1, 2);
    client.close();
    for await (const _ of client) throw new Error('nothing is left');
  });
});
