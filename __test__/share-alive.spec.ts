/** A tab and the worker notice that the other side is dead, where pages have no Web Locks. The clock is the test's own. */
import { TAB_SILENT_MS, WORKER_SILENT_MS, whenDead } from '../ts/client/worker/alive';

let ending: AbortController;
let deaths: number;

beforeEach(() => {
  jest.useFakeTimers();
  ending = new AbortController();
  deaths = 0;
});
afterEach(() => {
  ending.abort();
  jest.useRealTimers();
});

/** Counts deaths, and the time until the first of them. */
function watch(silentMs: number, ping?: () => void): () => void {
  return whenDead(
    undefined,
    ending.signal,
    silentMs,
    () => {
      deaths += 1;
      ending.abort();
    },
    ping,
  );
}

/** A browser that runs timers only this often. Time passes between, and none of them is made up for. */
function throttle(everyMs: number): void {
  const { setInterval } = globalThis;
  jest.spyOn(globalThis, 'setInterval').mockImplementation(((run: () => void) => setInterval(run, everyMs)) as never);
}

afterEach(() => jest.restoreAllMocks());

test('a silent worker counts as dead early enough for its tabs to go on within two seconds', () => {
  watch(WORKER_SILENT_MS);
  jest.advanceTimersByTime(1_000);
  expect(deaths).toBe(0);
  jest.advanceTimersByTime(250);
  expect(deaths).toBe(1);
});

test('a hidden tab, whose timers run once a second, notices it within two', () => {
  throttle(1_000);
  watch(WORKER_SILENT_MS);
  jest.advanceTimersByTime(1_000);
  expect(deaths).toBe(0);
  jest.advanceTimersByTime(1_000);
  expect(deaths).toBe(1);
});

test.each([250, 1_000, 60_000])(
  'a worker that is heard stays alive for a tab whose timers run every %d ms',
  (everyMs) => {
    throttle(everyMs);
    const heard = watch(WORKER_SILENT_MS);
    for (let pings = 0; pings < 1_000; pings += 1) {
      jest.advanceTimersByTime(250);
      heard();
    }
    expect(deaths).toBe(0);
  },
);

test('a tab whose script or machine stood still hears first what has come meanwhile', () => {
  const heard = watch(WORKER_SILENT_MS);
  for (let times = 0; times < 10; times += 1) {
    // The clock goes on, and no timer runs.
    jest.setSystemTime(Date.now() + 60_000);
    const now = performance.now();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(now + 60_000);
    // The timer is the first to run, and the message the second.
    jest.advanceTimersByTime(250);
    heard();
    clock.mockRestore();
    jest.advanceTimersByTime(250);
    heard();
  }
  expect(deaths).toBe(0);
});

test('a tab is asked until it counts as dead, after a longer silence', () => {
  let asked = 0;
  watch(TAB_SILENT_MS, () => {
    asked += 1;
  });
  jest.advanceTimersByTime(3_000);
  expect([deaths, asked]).toEqual([0, 12]);
  jest.advanceTimersByTime(60_000);
  expect([deaths, asked]).toEqual([1, 12]);
});

test('nobody dies after the end', () => {
  watch(WORKER_SILENT_MS);
  ending.abort();
  jest.advanceTimersByTime(60_000);
  expect(deaths).toBe(0);
});
