/** `fakeSSE`: the hub of a test. */

import { checkKnown } from '../server/arguments.js';
import { addon } from '../server/binding.js';
import { argumentError, unfitArgument } from '../server/errors.js';
import { standInRecord } from '../server/stand-in.js';
import { createFake, type Fake } from './hub/fake-binding.js';
import type { Listener } from './hub/notices.js';
import { type Expected, matches } from './match.js';
import './modules.js';
import type { FailingCall } from './failing-call.js';
import { linesOf, type SentEvent } from './sent-event.js';
import { TestClient, type TestClientOptions } from './test-client.js';
import type { WaitOptions } from './wait.js';
import { Recorder } from './watch/recorder.js';
import { TestStreams } from './watch/test-streams.js';
import { completeWebClasses } from './web-classes.js';
import './symbols.js';

/** Options of `fakeSSE`. */
export interface FakeOptions {
  /**
   * `'fake'`: the hub is a fake in JavaScript, and the native addon need not be installed. `'spy'`: the hub is the real one, and what
   * is sent through it is noted. Default: `'fake'`.
   */
  mode?: 'fake' | 'spy';
}

/** The events that `waitFor` waits for: the parts that they must have, or a function that decides. */
export type Match = (Expected & Partial<SentEvent>) | ((sent: SentEvent) => boolean);

/** The state that outlives a fake: module-level listeners are added once. */
const KEY = Symbol.for('ssekit.fakeListeners.1');

const shared = globalThis as { [KEY]?: Set<Listener> };

/**
 * Puts a fake in the place of the hub: from now on, `SSEService.getInstance()` in this test file sends to it, whatever imports it. A second
 * call puts a new one in its place. In production (`NODE_ENV`), it throws unless `SSEKIT_FAKE` is `1`.
 */
export function fakeSSE(options: FakeOptions = {}): FakeSSE {
  checkKnown('options', options, ['mode']);
  const { mode = 'fake' } = options;
  if (mode !== 'fake' && mode !== 'spy') throw argumentError('options.mode', mode, "'fake' or 'spy'");
  const { NODE_ENV, SSEKIT_FAKE } = process.env;
  if (NODE_ENV === 'production' && SSEKIT_FAKE !== '1') {
    throw unfitArgument('fakeSSE', 'NODE_ENV=production', 'a test; SSEKIT_FAKE=1 allows it anywhere');
  }
  completeWebClasses();
  return new FakeSSE(mode);
}

/** The hub of a test, and everything that was sent through it. */
export class FakeSSE {
  /** `'fake'` or `'spy'`. */
  readonly mode: 'fake' | 'spy';
  readonly #recorder = new Recorder();
  readonly #fake: Fake | undefined;
  readonly #streams: TestStreams;
  readonly #before = { ...standInRecord() };
  readonly #binding;

  /** @internal */
  constructor(mode: 'fake' | 'spy', ticks = false) {
    shared[KEY] ??= new Set();
    this.mode = mode;
    this.#fake = mode === 'fake' ? createFake({ ticks, listeners: shared[KEY] }) : undefined;
    this.#binding = this.#recorder.watch(this.#fake?.binding ?? addon());
    this.#streams = new TestStreams(this.#binding);
    Object.assign(standInRecord(), { binding: this.#binding, kit: this });
  }

  /** Everything that was sent since the beginning or the last `reset`, in order. */
  get sent(): readonly SentEvent[] {
    return this.#recorder.sent;
  }

  /** Returns what `run` sends. If it returns a promise, so does this. */
  capture<Result>(run: () => Promise<Result>): Promise<SentEvent[]>;
  capture(run: () => unknown): SentEvent[];
  capture(run: () => unknown): SentEvent[] | Promise<SentEvent[]> {
    const before = this.#recorder.sent.length;
    const sent = (): SentEvent[] => this.#recorder.sent.slice(before);
    const result = run();
    return result instanceof Promise || isThenable(result) ? Promise.resolve(result).then(sent) : sent();
  }

  /** Resolves with the first event that looks like this, also if it was sent already. */
  waitFor(match: Match, options?: WaitOptions): Promise<SentEvent> {
    const fits = typeof match === 'function' ? match : (sent: SentEvent) => matches(sent, match);
    const what = typeof match === 'function' ? 'No event fits.' : `No such event: ${JSON.stringify(match)}.`;
    return this.#recorder.changes.until(
      () => this.sent.find(fits),
      () => `${what} ${linesOf(this.sent)}`,
      options,
    );
  }

  /**
   * Begins anew: nothing was sent, and nobody is connected. With a fake, the history is gone as well, and the options of `configure` stay
   * until others are set.
   */
  reset(): void {
    this.#streams.close();
    this.#fake?.reset();
    this.#recorder.clear();
  }

  /** Connects a client, as a page would. It may be refused, for instance by `limits`: then this throws. */
  connect(client: TestClientOptions = {}): TestClient {
    return new TestClient(client, this.#streams);
  }

  /** Lets the next call throw this error. It sends nothing. Default: the next call of any method that sends. */
  failNext(error: Error = new Error('failNext of ssekit/testing'), call: FailingCall = 'send'): void {
    this.#recorder.failNext(error, call);
  }

  /**
   * Moves the hub's clock, which stands still otherwise: users go offline, heartbeats come, events and absent clients grow old. Fake timers
   * of jest and vitest move it as well.
   */
  advance(ms: number): void {
    if (!this.#fake) throw unfitArgument('advance', 'the real hub', "a fake; the clock of mode 'spy' is the system's");
    this.#fake.clock.advance(ms);
  }

  /** Gives the place back to what was there before. */
  restore(): void {
    this.reset();
    const record = standInRecord();
    const { binding, kit } = this.#before;
    if (record.binding === this.#binding) Object.assign(record, { binding, kit });
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}

function isThenable(value: unknown): boolean {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
