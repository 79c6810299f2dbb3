/** Tests of code that sends: a hub that needs no native addon, and everything that was sent through it. */
export {
  assertBroadcast,
  assertReceived,
  assertSentNothing,
  assertSentToChannel,
  assertSentToClient,
  assertSentToUser,
} from './asserts.js';
export {
  createTestStream,
  type TestStream,
  type TestStreamOptions,
  type TestStreamRequest,
} from './create-test-stream.js';
export { endOfFile } from './end-of-file.js';
export type { FailingCall } from './failing-call.js';
export { type FakeOptions, type FakeSSE, fakeSSE, type Match } from './fake-sse.js';
export { freshHub } from './fresh-hub.js';
export type { Expected } from './match.js';
export { type ExpectedEvent, matchers, type SSEMatchers } from './matchers.js';
export { type MockFunction, mockSSE } from './mock-sse.js';
export { type EventReader, readEvents } from './read-events.js';
export type { ReceivedEvent } from './received-event.js';
export { resetFake } from './reset-fake.js';
export { type RoutedPage, type RoutedStream, routeTestStream } from './route-test-stream.js';
export type { SentEvent } from './sent-event.js';
export type { ResetReason, TestClient, TestClientOptions } from './test-client.js';
export type { WaitOptions } from './wait.js';
