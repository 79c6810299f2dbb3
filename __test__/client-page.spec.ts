/** The life of a page, and of its machine: what `ssekit/client` does when either sleeps, is left or loses its network. */
import { endPages, stopClocks, type Watched, watch } from './support/page-client';
import { event, ready, refusal, StreamServer, stream } from './support/stream-server';
import { until } from './support/until';

/** Where the events of a page's life arrive. */
let window: EventTarget;

beforeEach(() => {
  stopClocks();
  window = new EventTarget();
  Object.assign(globalThis, { addEventListener: window.addEventListener.bind(window) });
});
afterEach(async () => {
  await endPages();
  Reflect.deleteProperty(globalThis, 'addEventListener');
});

const happens = (name: string): boolean => window.dispatchEvent(new Event(name));
const opens = (page: Watched): number => page.states.filter((state) => state === 'open').length;

describe('silence', () => {
  test('longer than two heartbeats is the end of a connection', async () => {
    const server = await StreamServer.start([stream(event('a', 1, 'z.1'))]);
    const page = watch({ url: server.url });
    await page.got(1);
    await jest.advanceTimersByTimeAsync(50_999);
    expect(page.client.status.state).toBe('open');
    await jest.advanceTimersByTimeAsync(1);
    expect(page.client.status).toMatchObject({ state: 'waiting', reason: 'No heartbeat' });
    await until('the server to notice', () => server.seen[0]?.res.destroyed);
    await jest.advanceTimersByTimeAsync(1_000);
    expect((await server.request(2)).query.lastEventId).toBe('z.1');
  });

  test('is broken by any byte', async () => {
    const server = await StreamServer.start([stream(ready())]);
    const page = watch({ url: server.url });
    await page.is('open');
    const { res } = await server.request(1);
    const read = jest.spyOn(performance, 'now');
    for (const bytes of [':\n\n', ':', '\n', 'data: 1']) {
      await jest.advanceTimersByTimeAsync(40_000);
      const before = read.mock.calls.length;
      res.write(bytes);
      await until('the bytes to arrive', () => read.mock.calls.length > before);
    }
    expect(page.states).toEqual(['connecting', 'open']);
  });

  test('is measured by the distance that the page was told', async () => {
    const server = await StreamServer.start();
    const page = watch({ url: server.url, heartbeatMs: 1_000 });
    await page.is('open');
    await jest.advanceTimersByTimeAsync(3_000);
    expect(page.client.status.state).toBe('waiting');
  });

  describe('is measured by the distance that the server says', () => {
    /** Opens a stream, and returns how long it may be silent. */
    async function patience(said: object, given?: number): Promise<number> {
      const server = await StreamServer.start([stream(ready(said) + event('a', 1))]);
      const page = watch({ url: server.url, heartbeatMs: given });
      await page.got(1);
      const begun = Date.now();
      while (page.client.status.state === 'open') await jest.advanceTimersByTimeAsync(100);
      return Date.now() - begun;
    }

    test.each([
      ['a short one', { heartbeatMs: 1_000 }, undefined, 3_000],
      ['a long one', { heartbeatMs: 100_000 }, undefined, 201_000],
      ['not the one that the page guessed', { heartbeatMs: 1_000 }, 60_000, 3_000],
      ['the usual one', {}, undefined, 51_000],
    ])('%s', async (_, said, given, ms) => {
      expect(await patience(said, given)).toBe(ms);
    });

    test('of its own connection, and no earlier one', async () => {
      const server = await StreamServer.start([
        stream(ready({ heartbeatMs: 1_000 }) + event('a', 1)),
        stream(ready() + event('a', 2)),
      ]);
      const page = watch({ url: server.url });
      await page.got(1);
      await jest.advanceTimersByTimeAsync(3_000);
      await page.is('waiting');
      await jest.advanceTimersByTimeAsync(250);
      await page.got(1, 2);
      await jest.advanceTimersByTimeAsync(50_000);
      expect(page.client.status.state).toBe('open');
    });
  });

  test('of a server that does not answer at all ends the attempt', async () => {
    const server = await StreamServer.start([() => {}]);
    const page = watch({ url: server.url });
    await server.request(1);
    await jest.advanceTimersByTimeAsync(51_000);
    expect(page.client.status.state).toBe('waiting');
    expect(page.errors).toMatchObject([{ code: 'unreachable' }]);
  });
});

describe('the machine sleeps', () => {
  test.each(['visibilitychange', 'online', 'pageshow'])('%s after an hour reconnects', async (name) => {
    const server = await StreamServer.start();
    const page = watch({ url: server.url });
    await page.is('open');
    // Neither timers nor the monotonic clock have noticed.
    jest.setSystemTime(Date.now() + 3_600_000);
    happens(name);
    expect(page.client.status.state).toBe('waiting');
  });

  test('a short sleep changes nothing', async () => {
    const server = await StreamServer.start();
    const page = watch({ url: server.url });
    await page.is('open');
    jest.setSystemTime(Date.now() + 40_000);
    for (const name of ['visibilitychange', 'online', 'pageshow']) happens(name);
    expect(page.states).toEqual(['connecting', 'open']);
  });

  test('a wait that is over by then ends at once', async () => {
    const server = await StreamServer.start([refusal(503, { 'retry-after': '600' }), stream()]);
    const page = watch({ url: server.url });
    await page.is('waiting');
    happens('visibilitychange');
    expect(page.client.status.state).toBe('waiting');
    jest.setSystemTime(Date.now() + 3_600_000);
    happens('visibilitychange');
    await page.is('open');
  });
});

test('a clock that is set back hides no silence', async () => {
  const server = await StreamServer.start();
  const page = watch({ url: server.url });
  await page.is('open');
  jest.setSystemTime(Date.now() - 86_400_000);
  await jest.advanceTimersByTimeAsync(51_000);
  expect(page.client.status.state).toBe('waiting');
});

test('a clock that is set forward loses nothing', async () => {
  const server = await StreamServer.start([stream(event('a', 1, 'z.1')), stream(event('a', 2, 'z.2'))]);
  const page = watch({ url: server.url });
  await page.got(1);
  jest.setSystemTime(Date.now() + 86_400_000);
  await jest.advanceTimersByTimeAsync(60_000);
  await page.got(1, 2);
  expect(server.seen.map(({ query }) => query.lastEventId)).toEqual([undefined, 'z.1']);
  expect(page.errors).toEqual([]);
});

describe('timers of a hidden page run once a minute', () => {
  beforeEach(() => {
    const { setTimeout } = globalThis;
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms = 0) => {
      const at = Math.ceil((Date.now() + ms) / 60_000) * 60_000;
      return setTimeout(run, at - Date.now());
    }) as typeof setTimeout);
  });

  test('a stream with heartbeats stays open', async () => {
    const server = await StreamServer.start([stream(ready())]);
    const page = watch({ url: server.url });
    await page.is('open');
    const { res } = await server.request(1);
    const read = jest.spyOn(performance, 'now');
    for (let beat = 0; beat < 12; beat += 1) {
      await jest.advanceTimersByTimeAsync(25_000);
      const before = read.mock.calls.length;
      res.write(':\n\n');
      await until('the heartbeat', () => read.mock.calls.length > before);
    }
    expect(page.states).toEqual(['connecting', 'open']);
  });

  test('silence is noticed with the next one, and the next but one reconnects', async () => {
    const server = await StreamServer.start([stream(event('a', 1, 'z.1')), stream(event('a', 2, 'z.2'))]);
    const page = watch({ url: server.url });
    await page.got(1);
    await jest.advanceTimersByTimeAsync(60_000);
    await page.is('waiting');
    await jest.advanceTimersByTimeAsync(60_000);
    await page.got(1, 2);
    expect(page.states).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open']);
  });
});

describe('the page is frozen', () => {
  test('its connection is closed, and opened again when it resumes', async () => {
    const server = await StreamServer.start([stream(event('a', 1, 'z.1')), stream(event('a', 2, 'z.2'))]);
    const page = watch({ url: server.url });
    await page.got(1);
    happens('freeze');
    expect(page.client.status).toEqual({ state: 'paused' });
    await until('the server to notice', () => server.seen[0]?.res.destroyed);
    // An hour passes at once.
    await jest.advanceTimersByTimeAsync(3_600_000);
    happens('visibilitychange');
    expect(server.seen).toHaveLength(1);
    happens('resume');
    await page.got(1, 2);
    expect(server.seen[1]?.query.lastEventId).toBe('z.1');
    expect(page.errors).toEqual([]);
  });

  test('both ways out of the back/forward cache open one stream', async () => {
    const server = await StreamServer.start();
    const page = watch({ url: server.url });
    await page.is('open');
    for (const name of ['pagehide', 'freeze', 'resume', 'pageshow']) happens(name);
    await page.is('open');
    expect(server.seen).toHaveLength(2);
  });
});

describe('a network is there again', () => {
  test('what failed for lack of one is tried at once', async () => {
    const server = await StreamServer.start([(_, req) => req.socket.destroy(), stream()]);
    const page = watch({ url: server.url });
    await page.is('waiting');
    happens('online');
    await page.is('open');
  });

  test('what the server has asked for is waited for', async () => {
    const server = await StreamServer.start([refusal(503, { 'retry-after': '60' })]);
    const page = watch({ url: server.url });
    await page.is('waiting');
    happens('online');
    expect(page.client.status.state).toBe('waiting');
  });
});

describe('the page is left', () => {
  test('its connection is closed, and opened again whenever it is shown', async () => {
    const server = await StreamServer.start([stream(event('a', 1, 'z.1')), stream(event('a', 2, 'z.2'))]);
    const page = watch({ url: server.url });
    await page.got(1);
    happens('pagehide');
    expect(page.client.status).toEqual({ state: 'paused' });
    await until('the server to notice', () => server.seen[0]?.res.destroyed);
    // Both come after `pagehide`, or while the page is kept.
    happens('visibilitychange');
    happens('online');
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(server.seen).toHaveLength(1);
    happens('pageshow');
    await page.got(1, 2);
    expect(server.seen[1]?.query.lastEventId).toBe('z.1');
    expect(page.errors).toEqual([]);
  });

  test('during a wait, it connects when it is shown', async () => {
    const server = await StreamServer.start([refusal(500), stream()]);
    const page = watch({ url: server.url });
    await page.is('waiting');
    happens('pagehide');
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(page.client.status.state).toBe('paused');
    happens('pageshow');
    await page.is('open');
  });

  test('a client that is closed stays closed', async () => {
    const server = await StreamServer.start();
    const page = watch({ url: server.url });
    await page.is('open');
    page.client.close();
    for (const name of ['pagehide', 'pageshow', 'online', 'visibilitychange']) happens(name);
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect([page.client.status.state, opens(page), server.seen.length]).toEqual(['closed', 1, 1]);
  });
});

test('the first pageshow opens no second stream', async () => {
  const server = await StreamServer.start();
  const page = watch({ url: server.url });
  happens('pageshow');
  await page.is('open');
  happens('pageshow');
  await jest.advanceTimersByTimeAsync(10_000);
  expect(server.seen).toHaveLength(1);
});
