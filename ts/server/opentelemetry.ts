/** The tracer of the app's OpenTelemetry, if it has one. `ssekit/publish` shares this module, so it imports nothing from Node.js. */
import { checkFlag } from './arguments.js';

/** The parts of `@opentelemetry/api` that a send needs. They are the same since 1.0. */
export interface Tracer {
  startActiveSpan<Result>(name: string, options: SpanOptions, run: (span: Span) => Result): Result;
}

export interface SpanOptions {
  kind: number;
  attributes: Attributes;
  links: Link[];
}

export interface Link {
  context: SpanContext;
}

export interface Span {
  spanContext(): SpanContext;
  isRecording(): boolean;
  setAttributes(attributes: Attributes): unknown;
  recordException(error: Error): void;
  setStatus(status: { code: number; message: string }): unknown;
  end(): void;
}

export interface SpanContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
  traceState?: { serialize(): string } | undefined;
  isRemote?: boolean;
}

export type Attributes = Record<string, string | number | undefined>;

/**
 * All copies of `@opentelemetry/api` 1.x keep what the app has registered under this symbol, so that each copy finds it. ssekit looks
 * there, too, and does not import the package:
 *
 * - A bundler cannot fail or warn because the package is missing, and no bundle gets a copy of it.
 * - It finds the app's provider from within any bundle, where a `require` may find nothing, or another version.
 * - Nothing is loaded in an app without OpenTelemetry. A send looks at one property.
 *
 * The symbol is safe to use within a major version: if it changed, copies of 1.x would no longer find each other.
 */
const API = Symbol.for('opentelemetry.js.api.1');

/** `trace` is missing until the app registers a provider. The API's own no-op provider is not registered. */
const shared = globalThis as { [API]?: { trace?: { getTracer(name: string): Tracer } } };

/** `undefined` if the app does not trace, or does not want spans of ssekit. */
export function activeTracer(): Tracer | undefined {
  const provider = shared[API]?.trace;
  return provider === undefined || !isTracing() ? undefined : provider.getTracer('ssekit');
}

/** Whether the app has a tracer. */
export function hasTracer(): boolean {
  return shared[API]?.trace !== undefined;
}

/** Throws if a variable has a value that cannot be used. */
export function checkTracing(): void {
  isTracing();
  showsIds();
}

function isTracing(): boolean {
  return (
    checkFlag(
      'SSEKIT_TRACING',
      read(() => process.env.SSEKIT_TRACING),
    ) !== false
  );
}

/** Whether spans may contain the ids of users and clients, the names of channels and the app's own ids of events. */
export function showsIds(): boolean {
  return (
    checkFlag(
      'SSEKIT_TRACING_IDS',
      read(() => process.env.SSEKIT_TRACING_IDS),
    ) === true
  );
}

/**
 * A variable of the environment. `process.env.…` is written out, because bundlers replace exactly this by a value. Not every runtime has
 * a `process`, and Deno throws where it may not read the environment.
 */
function read(variable: () => string | undefined): string | undefined {
  try {
    return variable();
  } catch {
    return undefined;
  }
}
