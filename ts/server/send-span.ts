/**
 * The span of a send, by OpenTelemetry's conventions for messaging:
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/. `ssekit/publish` shares this module, so it imports nothing
 * from Node.js.
 */
import type { EncodedEvent } from './arguments.js';
import { codeOf } from './error-codes.js';
import { type Attributes, type Span, type SpanOptions, showsIds, type Tracer } from './opentelemetry.js';
import { ownTrace, spanContextOf } from './trace-context.js';

/** The kind of receivers. */
export type Destination = 'user' | 'client' | 'channel' | 'broadcast';

/** `SpanKind.PRODUCER` and `SpanStatusCode.ERROR` of the API. */
const PRODUCER = 3;
const ERROR = 2;

/** The attributes that a span has from its beginning, so that a sampler can use it. */
export interface Beginning {
  /** `undefined` for events with receivers of several kinds. */
  to: Destination | undefined;
  events: readonly unknown[];
  attributes?: Attributes;
}

/** Runs a send in its span, which is a child of the active one. */
export function inSpan<Result>(tracer: Tracer, beginning: Beginning, send: (span: Span) => Result): Result {
  return tracer.startActiveSpan(nameOf(beginning), optionsOf(beginning), (span) => {
    try {
      return send(span);
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The same for a send that takes time. Meanwhile its span is the active one, for instance for an instrumented `fetch`. */
export function inSpanAsync<Result>(
  tracer: Tracer,
  beginning: Beginning,
  send: (span: Span) => Promise<Result>,
): Promise<Result> {
  return tracer.startActiveSpan(nameOf(beginning), optionsOf(beginning), async (span) => {
    try {
      return await send(span);
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Names of spans are of low cardinality, so they say only the kind of the receivers. */
function nameOf({ to }: Beginning): string {
  return to === undefined ? 'send' : `send ${to}`;
}

function optionsOf({ to, events, attributes }: Beginning): SpanOptions {
  return {
    kind: PRODUCER,
    attributes: { ...OPERATION, ...destination(to), ...attributes },
    links: events
      .map(ownTrace)
      .filter((trace) => trace !== undefined)
      .map((trace) => ({ context: spanContextOf(trace) })),
  };
}

const OPERATION = {
  'messaging.system': 'ssekit',
  'messaging.operation.name': 'send',
  'messaging.operation.type': 'send',
};

/** Only the destination of a broadcast has one name. Of the others, the template says the kind. */
function destination(to: Destination | undefined): Attributes {
  if (to === undefined) return {};
  return to === 'broadcast' ? { 'messaging.destination.name': to } : { 'messaging.destination.template': to };
}

/** Describes a single event. `address` is the receivers' id, if they have one. */
export function describeEvent(span: Span, address: string | undefined, event: EncodedEvent): void {
  if (!span.isRecording()) return;
  span.setAttributes({
    'messaging.message.body.size': byteLength(event.data),
    'ssekit.event.name': event.name || 'message',
  });
  // These can be personal data, and spans go to more people and places than the app's own data.
  if (!showsIds()) return;
  if (address !== undefined) span.setAttributes({ 'messaging.destination.name': address });
  if (event.id !== undefined) span.setAttributes({ 'messaging.message.id': event.id });
}

/** `clients` is the number of connected clients that the send was addressed to. */
export function describeReceivers(span: Span, clients: number): void {
  span.setAttributes({ 'ssekit.clients': clients });
}

function fail(span: Span, thrown: unknown): void {
  // The app's own `toJSON` may throw anything.
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  span.setAttributes({ 'error.type': codeOf(error) ?? error.name });
  span.recordException(error);
  span.setStatus({ code: ERROR, message: error.message });
}

function byteLength(text: string): number {
  return globalThis.Buffer ? Buffer.byteLength(text) : new TextEncoder().encode(text).length;
}
