/** Matchers for `expect` of jest and vitest: `expect.extend(matchers)`. A failed one lists what was sent, or received. */
import type { FakeSSE } from './fake-sse.js';
import { type Expected, matches } from './match.js';
import type { ReceivedEvent } from './received-event.js';
import { linesOf, type SentEvent } from './sent-event.js';
import type { TestClient } from './test-client.js';

/** The outcome of a matcher. */
export interface Outcome {
  pass: boolean;
  message(): string;
}

/** An event that is expected: its name, or the parts that it must have. Without it, any event fits. */
export type ExpectedEvent = string | Expected;

/** The matchers that `ssekit/testing/jest` and `ssekit/testing/vitest` add to `expect`. */
export interface SSEMatchers<R = void> {
  /** An event was sent to this user. */
  toHaveSentToUser(userId: string | number | bigint, event?: ExpectedEvent): R;
  /** An event was sent to this client alone. */
  toHaveSentToClient(clientId: string, event?: ExpectedEvent): R;
  /** An event was sent to this channel. */
  toHaveSentToChannel(channel: string, event?: ExpectedEvent): R;
  /** An event was sent to everybody. */
  toHaveBroadcast(event?: ExpectedEvent): R;
  /** Nothing was sent at all. */
  toHaveSentNothing(): R;
  /** A client of `connect` has received an event. */
  toHaveReceived(event?: ExpectedEvent): R;
}

const sentTo =
  (name: string, part: 'userId' | 'clientId' | 'channel') =>
  (sse: unknown, whom: unknown, event?: ExpectedEvent): Outcome =>
    sent(name, sse, { to: part === 'channel' ? part : part.slice(0, -2), [part]: String(whom) }, event);

/** For `expect.extend`. */
export const matchers = {
  toHaveSentToUser: sentTo('toHaveSentToUser', 'userId'),
  toHaveSentToClient: sentTo('toHaveSentToClient', 'clientId'),
  toHaveSentToChannel: sentTo('toHaveSentToChannel', 'channel'),
  toHaveBroadcast: (sse: unknown, event?: ExpectedEvent): Outcome =>
    sent('toHaveBroadcast', sse, { to: 'everybody' }, event),
  toHaveSentNothing(sse: unknown): Outcome {
    const { sent } = fakeOf('toHaveSentNothing', sse);
    const expectation = sent.length === 0 ? 'something to be sent.' : 'nothing to be sent.';
    return { pass: sent.length === 0, message: () => `Expected ${expectation} ${linesOf(sent)}` };
  },
  toHaveReceived(client: unknown, event?: ExpectedEvent): Outcome {
    const expected = partsOf(event);
    const { received, notices } = clientOf('toHaveReceived', client);
    // ssekit's own events count only if they are asked for.
    const candidates = String(expected.event).startsWith('ssekit:') ? notices : received;
    const pass = candidates.some((one) => matches(one, expected));
    return {
      pass,
      message: () =>
        `Expected the client ${pass ? 'not ' : ''}to have received ${shown(expected)}. ${received.length === 0 ? 'It has received nothing.' : `It has received:\n${listOf(received)}`}`,
    };
  },
};

function sent(
  name: string,
  sse: unknown,
  whom: Partial<Record<keyof SentEvent, unknown>>,
  event?: ExpectedEvent,
): Outcome {
  const { sent } = fakeOf(name, sse);
  const expected = partsOf(event);
  const pass = sent.some((one) => matches(one, { ...expected, ...whom }));
  const [, id] = Object.values(whom);
  const to = id === undefined ? 'everybody' : `${whom.to} ${JSON.stringify(id)}`;
  return {
    pass,
    message: () => `Expected ${shown(expected)} ${pass ? 'not ' : ''}to be sent to ${to}. ${linesOf(sent)}`,
  };
}

function partsOf(event: ExpectedEvent | undefined): Expected {
  return typeof event === 'string' ? { event } : (event ?? {});
}

function shown(expected: Expected): string {
  const { event, ...rest } = expected;
  if (Object.keys(rest).length === 0) return event === undefined ? 'an event' : JSON.stringify(event);
  return JSON.stringify(expected, (_, value) => (typeof value?.asymmetricMatch === 'function' ? String(value) : value));
}

function listOf(received: readonly ReceivedEvent[]): string {
  return received.map(({ event, data }, index) => `  ${index + 1}. ${event} ${JSON.stringify(data)}`).join('\n');
}

/** By its form, because a module that was loaded again has another class. */
function fakeOf(matcher: string, value: unknown): Pick<FakeSSE, 'sent'> {
  const { sent, capture } = (value ?? {}) as Partial<FakeSSE>;
  if (Array.isArray(sent) && typeof capture === 'function') return { sent };
  throw new TypeError(
    `${matcher}: got ${kindOf(value)}, wants the fake that a test makes by \`const sse = fakeSSE()\` (ssekit/testing), as in \`expect(sse).${matcher}(…)\``,
  );
}

function clientOf(matcher: string, value: unknown): Pick<TestClient, 'received' | 'notices'> {
  const { received, notices } = (value ?? {}) as Partial<TestClient>;
  if (Array.isArray(received) && Array.isArray(notices)) return { received, notices };
  throw new TypeError(
    `${matcher}: got ${kindOf(value)}, wants a client of the fake: \`const client = fakeSSE().connect({ userId })\` (ssekit/testing)`,
  );
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `a function (${value.name || 'without a name'})`;
  const { constructor: made } = value as { constructor?: { name?: string } };
  return typeof value === 'object' ? `an object (${made?.name ?? 'without a class'})` : `a ${typeof value}`;
}
