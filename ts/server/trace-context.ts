/** The trace that an event belongs to, as text: W3C trace context, https://www.w3.org/TR/trace-context/. */
import type { SpanContext } from './opentelemetry.js';

export interface TraceContext {
  traceparent: string;
  tracestate?: string | undefined;
}

const PARENT = /^[ \t]*([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?[ \t]*$/;

/** The trace that an event names itself. Anything invalid counts as none, because a trace must not make a send fail. */
export function ownTrace(event: unknown): TraceContext | undefined {
  const { traceparent, tracestate } = (event ?? {}) as Record<string, unknown>;
  if (typeof traceparent !== 'string' || !parse(traceparent)) return undefined;
  return { traceparent, tracestate: typeof tracestate === 'string' ? tracestate : undefined };
}

/** Without the `tracestate`, which only the vendor that wrote it can read. */
export function spanContextOf({ traceparent }: TraceContext): SpanContext {
  return parse(traceparent) as SpanContext;
}

/** `undefined` if the tracer has given the span no ids. */
export function traceContextOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext | undefined {
  const flags = traceFlags.toString(16).padStart(2, '0');
  return ownTrace({
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    tracestate: traceState?.serialize() || undefined,
  });
}

function parse(traceparent: string): SpanContext | undefined {
  const [, version, traceId, spanId, flags, rest] = PARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  // A later version may be longer. Version `ff` is forbidden.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}
