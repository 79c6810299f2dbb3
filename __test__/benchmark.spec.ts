/** The benchmark counts what it says: nobody's numbers are taken who has not sent every client every event, in order, once. */
import { join } from 'node:path';
import { killPrograms, Program } from './support/program';

afterEach(killPrograms);

const CONTENDERS = join(__dirname, '..', 'bench', 'contenders');
const BAD_SERVERS = join(__dirname, 'programs', 'bad-servers');

type Outcome = Record<string, number | null> & { failed?: string };

function measure(folder: string, contender: string, name: string): Promise<Outcome> {
  return Program.result<Outcome>('benchmark.mjs', [join(folder, `${contender}.mjs`), name]);
}

describe.each(['floor', 'ssekit-handoff', 'ssekit-stream', 'node-http'])('of the server %s', (contender) => {
  test('paced broadcasts are measured', async () => {
    const outcome = await measure(CONTENDERS, contender, 'broadcast');
    expect(outcome.failed).toBeUndefined();
    for (const value of ['processorPerDelivery', 'p50', 'p99', 'p999']) expect(outcome[value]).toBeGreaterThan(0);
  });

  test('broadcasts without a pace are measured', async () => {
    const outcome = await measure(CONTENDERS, contender, 'throughput');
    expect(outcome.failed).toBeUndefined();
    expect(outcome.perSecond).toBeGreaterThan(0);
  });

  test('a storm of connects is measured, and one of reconnects where it can resume', async () => {
    const outcome = await measure(CONTENDERS, contender, 'storm');
    expect(outcome.failed).toBeUndefined();
    expect(outcome.connectSeconds).toBeGreaterThan(0);
    expect(outcome.reconnectSeconds !== null).toBe(contender.startsWith('ssekit'));
  });
});

describe('of ssekit', () => {
  test('events for single users during a broadcast are measured', async () => {
    const outcome = await measure(CONTENDERS, 'ssekit-handoff', 'fairness');
    expect(outcome.failed).toBeUndefined();
    for (const value of ['aloneP99', 'duringP99']) expect(outcome[value]).toBeGreaterThan(0);
  });

  test('events for some members of a channel are measured beside broadcasts', async () => {
    const outcome = await measure(CONTENDERS, 'ssekit-handoff', 'channel');
    expect(outcome.failed).toBeUndefined();
    for (const value of ['processorPerDelivery', 'ofBroadcasts', 'ratio']) expect(outcome[value]).toBeGreaterThan(0);
  });

  test('what it costs to keep the history is measured in each place', async () => {
    const outcome = await measure(CONTENDERS, 'ssekit-handoff', 'histories');
    expect(outcome.failed).toBeUndefined();
    expect(Object.keys(outcome)).toEqual(['memory', 'file', 'always', 'redis']);
    for (const values of Object.values(outcome) as unknown as Record<string, number>[]) {
      for (const value of ['call', 'p50', 'p99', 'perSecond']) expect(values[value]).toBeGreaterThan(0);
    }
  });

  test('a start on a folder is measured with few events and with many', async () => {
    const outcome = await measure(CONTENDERS, 'ssekit-handoff', 'restart');
    expect(outcome.failed).toBeUndefined();
    for (const events of [20, 500]) {
      expect(outcome[events]).toEqual({ seconds: expect.any(Number), memory: expect.any(Number) });
    }
  });

  test('the event loop is measured while another process publishes to clients of the listener', async () => {
    const outcome = await measure(CONTENDERS, 'ssekit-listener', 'eventLoop');
    expect(outcome.failed).toBeUndefined();
    for (const value of ['utilization', 'thread', 'idleUtilization', 'idleThread']) {
      expect(outcome[value]).toBeGreaterThanOrEqual(0);
      expect(outcome[value]).toBeLessThanOrEqual(1);
    }
    expect(outcome.perSecond).toBeGreaterThan(0);
  });

  test('the call is measured', async () => {
    const outcome = await measure(CONTENDERS, 'ssekit-handoff', 'call');
    expect(outcome['1024']).toEqual({ stringify: expect.any(Number), send: expect.any(Number) });
  });
});

describe('the benchmark takes no numbers of a server that', () => {
  test('loses an event', async () => {
    const { failed } = await measure(BAD_SERVERS, 'loses', 'broadcast');
    expect(failed).toContain(
      '19 of 20 open clients (of 20) have everything; 99 events came of 100, 2 of them out of order',
    );
  });

  test('sends an event twice', async () => {
    const { failed } = await measure(BAD_SERVERS, 'repeats', 'broadcast');
    expect(failed).toContain('101 events came of 100, 1 of them out of order');
  });

  test('sends events in another order', async () => {
    const { failed } = await measure(BAD_SERVERS, 'reorders', 'broadcast');
    expect(failed).toMatch(
      /19 of 20 open clients \(of 20\) have everything; 100 events came of 100, [1-9]\d* of them out of order/,
    );
  });
});
