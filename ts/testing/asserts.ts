/** The matchers as functions that throw, for test runners without `expect` (node:test). */
import { AssertionError } from 'node:assert';

import type { FakeSSE } from './fake-sse.js';
import { type ExpectedEvent, matchers, type Outcome } from './matchers.js';
import type { TestClient } from './test-client.js';

function check(outcome: Outcome, caller: (...args: never[]) => unknown): void {
  // Without the stack of this module, an error points at the test.
  if (!outcome.pass) throw new AssertionError({ message: outcome.message(), stackStartFn: caller });
}

/** Throws unless an event was sent to this user. */
export function assertSentToUser(sse: FakeSSE, userId: string | number | bigint, event?: ExpectedEvent): void {
  check(matchers.toHaveSentToUser(sse, userId, event), assertSentToUser);
}

/** Throws unless an event was sent to this client alone. */
export function assertSentToClient(sse: FakeSSE, clientId: string, event?: ExpectedEvent): void {
  check(matchers.toHaveSentToClient(sse, clientId, event), assertSentToClient);
}

/** Throws unless an event was sent to this channel. */
export function assertSentToChannel(sse: FakeSSE, channel: string, event?: ExpectedEvent): void {
  check(matchers.toHaveSentToChannel(sse, channel, event), assertSentToChannel);
}

/** Throws unless an event was sent to everybody. */
export function assertBroadcast(sse: FakeSSE, event?: ExpectedEvent): void {
  check(matchers.toHaveBroadcast(sse, event), assertBroadcast);
}

/** Throws if anything was sent. */
export function assertSentNothing(sse: FakeSSE): void {
  check(matchers.toHaveSentNothing(sse), assertSentNothing);
}

/** Throws unless a client has received an event. */
export function assertReceived(client: TestClient, event?: ExpectedEvent): void {
  check(matchers.toHaveReceived(client, event), assertReceived);
}
