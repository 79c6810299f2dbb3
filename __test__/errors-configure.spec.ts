/** Options are checked when they are given, and cannot change under a running hub. */
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { ARGUMENT, RANGE } from './support/witness';

afterEach(stopEvaluators);

const CONFIGURED = { class: 'Error', code: 'ERR_SSEKIT_CONFIGURED' };

const configure = ({ SSEService }: Given, options: object): boolean =>
  SSEService.configure(options) === SSEService.getInstance();

/** Starts the hub, as the first event does. */
const startHub = ({ sse }: Given): unknown => sse.broadcast({ event: 'first', data: 1 });

async function refused(server: Evaluator, error: object, says: string[], options: unknown): Promise<void> {
  const thrown = await server.thrownBy(configure, options as object);
  expect(thrown).toMatchObject(error);
  for (const part of says) expect(thrown.message).toContain(part);
}

/** Every option by its name, and the first of its bounds or values, and the last. */
const OPTIONS: [name: string, first: number | string | boolean, last: number | string | boolean][] = [
  ['transport', 'auto', 'stream'],
  ['maxEventBytes', 1_024, 64 << 20],
  ['heartbeatMs', 100, 3_600_000],
  ['heartbeat', 'comment', 'event'],
  ['retryMs', 0, 3_600_000],
  ['threads', 1, 64],
  ['history.maxEvents', 1, 10_000_000],
  ['history.maxBytes', 1_024, 2 ** 40],
  ['history.maxTotalBytes', 1_024, 2 ** 40],
  ['history.maxAgeMs', 100, 2 ** 40],
  ['timeoutMs', 1_000, 3_600_000],
  ['presenceGraceMs', 0, 3_600_000],
  ['maxLag.events', 1, 10_000_000],
  ['maxLag.bytes', 1_024, 2 ** 40],
  ['maxLag.ms', 100, 2 ** 40],
  ['limits.clients', 1, 10_000_000],
  ['limits.clientsPerUser', 1, 10_000_000],
  ['limits.clientsPerAddress', 1, 10_000_000],
  ['limits.channelsPerClient', 1, 10_000],
  ['drain.windowMs', 0, 3_600_000],
  ['drain.retryMs', 0, 3_600_000],
  ['drainOnSigterm', true, false],
];

type Values = Record<string, number | string | boolean>;
const FIRST: Values = Object.fromEntries(OPTIONS.map(([name, first]) => [name, first]));
const LAST: Values = Object.fromEntries(OPTIONS.map(([name, , last]) => [name, last]));

/** The options of these names and values. */
function optionsOf(values: Values): object {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const [outer = '', inner] = name.split('.');
    options[outer] = inner ? { ...(options[outer] as object), [inner]: value } : value;
  }
  return options;
}

test('an unknown or mistyped option is refused and sets nothing', async () => {
  const server = await Evaluator.start();
  const refusals: [unknown, string[]][] = [
    [undefined, ['options: got undefined', 'wants an object']],
    [null, ['options: got null', 'wants an object']],
    ['stream', ['options: got "stream"', 'wants an object']],
    [{ transport: 'http' }, ['options.transport: got "http"', "wants 'auto' or 'stream'"]],
    [{ transport: true }, ['options.transport: got true', "wants 'auto' or 'stream'"]],
    [{ transport: null }, ['options.transport: got null', "wants 'auto' or 'stream'"]],
    [{ maxEventBytes: '5000' }, ['options.maxEventBytes: got "5000"', 'wants an integer from ']],
    [{ heartbeatMs: null }, ['options.heartbeatMs: got null', 'wants an integer from ']],
    [{ retryMs: 5n }, ['options.retryMs: got a bigint', 'wants an integer from ']],
    [{ threads: {} }, ['options.threads: got an object', 'wants an integer from ']],
    [{ drainOnSigterm: 'no' }, ['options.drainOnSigterm: got "no"', 'wants true or false']],
    [{ limits: 5 }, ['options.limits: got 5', 'wants an object']],
    [{ maxLag: { lag: 5 } }, ['options.maxLag.lag: no such option; known are events, bytes, ms']],
    [{ drain: { windowMs: '5' } }, ['options.drain.windowMs: got "5"', 'wants an integer from ']],
    [{ history: 5 }, ['options.history: got 5', 'wants an object']],
    [{ history: null }, ['options.history: got null', 'wants an object']],
    [{ history: { maxEvents: '5' } }, ['options.history.maxEvents: got "5"', 'wants an integer from ']],
    [{ beat: 5_000 }, ['options.beat: no such option; known are', 'transport', 'history', 'heartbeatMs']],
    [{ history: { maxAge: 5 } }, ['options.history.maxAge: no such option; known are', 'maxAgeMs']],
    [{ constructor: 5 }, ['options.constructor: no such option']],
  ];
  for (const [options, says] of refusals) await refused(server, ARGUMENT, says, options);
  // One that is wrong spoils all of them.
  await refused(server, ARGUMENT, ['options.transport'], { heartbeatMs: 5_000, transport: 'http' });
  expect(await server.evaluate(configure, { heartbeatMs: 6_000 })).toBe(true);
});

test('errors of getters pass through unchanged, and nothing is set', async () => {
  const server = await Evaluator.start();
  const outcomes = await server.evaluate(({ SSEService }) => {
    const mine = new SyntaxError('mine');
    const fail = (): never => {
      throw mine;
    };
    const getter = (name: string): object => Object.defineProperty({}, name, { enumerable: true, get: fail });
    const hostile = [getter('threads'), { limits: getter('clients') }, new Proxy({}, { ownKeys: fail })];
    return hostile.map((options) => {
      try {
        SSEService.configure(options);
        return 'set';
      } catch (error) {
        return error === mine ? 'mine' : `${error}`;
      }
    });
  });
  expect(outcomes).toEqual(['mine', 'mine', 'mine']);
  expect(await server.evaluate(configure, { heartbeatMs: 6_000 })).toBe(true);
});

test('only the known depth of an object is read', async () => {
  const server = await Evaluator.start();
  const thrown = await server.thrownBy(({ SSEService }) => {
    const cycle: Record<string, unknown> = {};
    cycle.clients = cycle;
    SSEService.configure({ limits: cycle as object });
  });
  expect(thrown).toMatchObject(ARGUMENT);
  expect(thrown.message).toContain('options.limits.clients: got an object, wants an integer from 1 to 10,000,000');
});

test.each([
  ['the first', FIRST],
  ['the last', LAST],
])('%s value within its bounds is accepted', async (_, values) => {
  const server = await Evaluator.start();
  expect(await server.evaluate(configure, optionsOf(values))).toBe(true);
  await server.evaluate(startHub);
});

test('a number outside of its bounds is refused', async () => {
  const server = await Evaluator.start();
  for (const [name, first, last] of OPTIONS) {
    if (typeof first !== 'number' || typeof last !== 'number') continue;
    for (const value of [first - 1, last + 1, 1_500.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
      await refused(server, RANGE, [`options.${name}: got ${value}`, 'wants a'], optionsOf({ [name]: value }));
    }
  }
});

test('no option can change, but all can be repeated', async () => {
  const server = await Evaluator.start();
  expect(await server.evaluate(configure, optionsOf(FIRST))).toBe(true);
  for (const start of [() => 0, startHub]) {
    await server.evaluate(start);
    for (const [name, , last] of OPTIONS) {
      await refused(server, CONFIGURED, [`options.${name}`, 'another value'], optionsOf({ ...FIRST, [name]: last }));
      expect(await server.evaluate(configure, optionsOf(FIRST))).toBe(true);
    }
  }
});

test('a hub without options has the defaults', async () => {
  const server = await Evaluator.start();
  await server.evaluate(startHub);
  const defaults = {
    transport: 'auto',
    maxEventBytes: 1 << 20,
    heartbeatMs: 25_000,
    retryMs: 2_000,
    timeoutMs: 30_000,
    presenceGraceMs: 5_000,
    history: { maxEvents: 10_000, maxBytes: 8 << 20, maxTotalBytes: 64 << 20, maxAgeMs: 300_000 },
    drain: { windowMs: 2_000, retryMs: 1_000 },
    drainOnSigterm: true,
  };
  for (const options of [defaults, {}, { history: {} }, { transport: undefined }]) {
    expect(await server.evaluate(configure, options)).toBe(true);
  }
  for (const [name, first, last] of OPTIONS) {
    if (typeof first !== 'boolean') continue;
    expect(await server.evaluate(configure, optionsOf({ [name]: first }))).toBe(true);
    await refused(server, CONFIGURED, [`options.${name}`], optionsOf({ [name]: last }));
  }
  for (const [name, , last] of OPTIONS)
    await refused(server, CONFIGURED, [`options.${name}`], optionsOf({ [name]: last }));
});
