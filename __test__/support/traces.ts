/** A tracer of OpenTelemetry, as an app sets it up, that keeps its spans in memory. */
import { context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

export class Traces {
  readonly #exporter = new InMemorySpanExporter();

  constructor(sampler?: Sampler) {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    const spanProcessors = [new SimpleSpanProcessor(this.#exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors, ...(sampler && { sampler }) }));
  }

  /** The spans that have ended, except those of the test itself. */
  get spans(): ReadableSpan[] {
    return this.#exporter
      .getFinishedSpans()
      .filter(({ instrumentationScope }) => instrumentationScope.name === 'ssekit');
  }

  /** Runs `work` in a span of the app's own. */
  within<Result>(work: (span: Span) => Result): Result {
    return trace.getTracer('the app').startActiveSpan('work', (span) => {
      const result = work(span);
      span.end();
      return result;
    });
  }

  stop(): void {
    trace.disable();
    context.disable();
  }
}

/** The parts of a span that a test compares. */
export const summary = ({ name, kind, attributes, status, links, events }: ReadableSpan): object => ({
  name,
  kind,
  attributes,
  failed: status.code === SpanStatusCode.ERROR ? status.message : undefined,
  links: links.map(({ context: { traceId, spanId, traceFlags, isRemote } }) => ({
    traceId,
    spanId,
    traceFlags,
    isRemote,
  })),
  exceptions: events.map(({ attributes }) => attributes?.['exception.message']),
});
