/** Tests of code that sends: a hub that needs no native addon, and everything that was sent through it. */
export {
  assertBroadcast,
  assertReceived,
  assertSentNothing,
  assertSentToChannel,
  assertSentToClient,
  assertSentToUser,
} from './asserts.js';
export type { FailingCall } from './failing-call.js';
export { type FakeOptions, type FakeSSE, fakeSSE, type Match } from './fake-sse.js';
export { freshHub } from './fresh-hub.js';
export type { Expected } from './match.js';
export { type ExpectedEvent, matchers, type SSEMatchers } from './matchers.js';
export { resetFake } from './reset-fake.js';
export type { SentEvent } from './sent-event.js';
export type { ReceivedEvent, ResetReason, TestClient, TestClientOptions } from './test-client.js';
export type { WaitOptions } from './wait.js';
