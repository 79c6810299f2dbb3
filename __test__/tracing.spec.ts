/** In an app that uses OpenTelemetry, each send is one span. Without a tracer there is nothing of it. */
import { SpanKind, type Tracer, trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import type { SSEEvent, SSEService } from '../index';
import type { FakeSSE } from '../ts/testing';
import { summary, Traces } from './support/traces';

// The package as it is installed.
const { SSEService: Service }: { SSEService: typeof SSEService } = require('../index.js');
const { fakeSSE, freshHub }: typeof import('../ts/testing') = require('../dist/testing/index.js');

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';
const PARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

/** The attributes of each span of a send. */
const SEND = {
  'messaging.system': 'ssekit',
  'messaging.operation.name': 'send',
  'messaging.operation.type': 'send',
};

let sse: FakeSSE;
let traces: Traces | undefined;

/** Ends what a test has begun before, too. */
function tracing(sampler?: AlwaysOffSampler): Traces {
  traces?.stop();
  traces = new Traces(sampler);
  return traces;
}

afterEach(() => {
  traces?.stop();
  traces = undefined;
  delete process.env.SSEKIT_TRACING;
  delete process.env.SSEKIT_TRACING_IDS;
  sse.restore();
});

type Send = (service: SSEService, event: SSEEvent) => unknown;

const SENDS: [name: string, send: Send, destination: Record<string, string>, address: string][] = [
  ['user', (sse, event) => sse.sendToUser('ada', event), { 'messaging.destination.template': 'user' }, 'ada'],
  ['client', (sse, event) => sse.sendToClient('tab', event), { 'messaging.destination.template': 'client' }, 'tab'],
  [
    'channel',
    (sse, event) => sse.sendToChannel('news', event),
    { 'messaging.destination.template': 'channel' },
    'news',
  ],
  [
    'broadcast',
    (sse, event) => sse.broadcast(event, 'other'),
    { 'messaging.destination.name': 'broadcast' },
    'broadcast',
  ],
];

describe.each(['fake', 'spy'] as const)('%s', (mode) => {
  let service: SSEService;
  beforeEach(() => {
    if (mode === 'spy') freshHub();
    sse = fakeSSE({ mode });
    sse.connect({ userId: 'ada', clientId: 'tab', channels: ['news'] });
    service = Service.getInstance();
  });

  test.each(SENDS)('a send to %s is one span', (name, send, destination) => {
    const { spans } = tracing();
    expect(spans).toEqual([]);
    send(service, { event: 'order', data: 'é', id: 'payment 17' });
    expect(traces?.spans.map(summary)).toEqual([
      {
        name: `send ${name}`,
        kind: SpanKind.PRODUCER,
        attributes: {
          ...SEND,
          ...destination,
          'messaging.message.body.size': 4,
          'ssekit.event.name': 'order',
          'ssekit.clients': 1,
        },
        failed: undefined,
        links: [],
        exceptions: [],
      },
    ]);
  });

  test.each(SENDS)('a send to %s is a child of the active span', (_, send) => {
    const tracer = tracing();
    const parent = tracer.within((span) => {
      send(service, { data: 1 });
      return span.spanContext();
    });
    const [span] = tracer.spans;
    expect(span?.parentSpanContext).toMatchObject({ traceId: parent.traceId, spanId: parent.spanId });
    send(service, { data: 1 });
    expect(tracer.spans[1]?.parentSpanContext).toBeUndefined();
  });

  test.each(SENDS)('a failed send to %s is recorded, and throws as ever', (_, send) => {
    const fails = (): unknown => send(service, { event: 'ssekit:x', data: 1 });
    const thrown = errorOf(fails);
    const tracer = tracing();
    const traced = errorOf(fails);
    expect([traced.name, traced.message, traced]).toEqual([thrown.name, thrown.message, thrown]);
    expect(tracer.spans.map(summary)).toMatchObject([{ failed: thrown.message, exceptions: [thrown.message] }]);
    expect(tracer.spans[0]?.attributes).toMatchObject({ 'error.type': 'ERR_SSEKIT_ARGUMENT' });
    expect(tracer.spans[0]?.attributes).not.toHaveProperty('ssekit.clients');
  });

  test('an address that cannot be used is recorded', () => {
    const tracer = tracing();
    expect(() => service.sendToUser('', { data: 1 })).toThrow(TypeError);
    expect(() => service.broadcast({ data: 1 }, 5 as never)).toThrow(TypeError);
    expect(tracer.spans.map(({ attributes }) => attributes['error.type'])).toEqual(
      Array(2).fill('ERR_SSEKIT_ARGUMENT'),
    );
  });

  test.each([
    ['an error', new RangeError('too much'), 'RangeError', 'too much'],
    ['no error', 'nothing', 'Error', 'nothing'],
  ])('%s that the data throws is recorded and passed on', (_, thrown, type, message) => {
    const tracer = tracing();
    const toJSON = (): never => {
      throw thrown;
    };
    expect(errorOf(() => service.broadcast({ data: { toJSON } }))).toBe(thrown);
    expect(tracer.spans.map(summary)).toMatchObject([{ attributes: { 'error.type': type }, failed: message }]);
  });

  test.each(SENDS)('a send to %s links to the trace of its event', (_, send) => {
    const tracer = tracing();
    send(service, { data: 1, traceparent: PARENT, tracestate: 'a=1' });
    expect(tracer.spans.map(summary)).toMatchObject([
      { links: [{ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1, isRemote: true }] },
    ]);
  });

  test.each([
    ['a known version', PARENT, 1],
    ['surrounding blanks', ` \t${PARENT} `, 1],
    ['a later version', `01${PARENT.slice(2)}-more`, 1],
    ['the version ff', `ff${PARENT.slice(2)}`, 0],
    ['a longer version 00', `${PARENT}-more`, 0],
    ['no trace', PARENT.replace(TRACE_ID, '0'.repeat(32)), 0],
    ['no span', PARENT.replace(SPAN_ID, '0'.repeat(16)), 0],
    ['upper case', PARENT.toUpperCase(), 0],
    ['no text', 5 as never, 0],
  ])('a trace with %s', (_, traceparent, links) => {
    const tracer = tracing();
    expect(service.sendToUser('ada', { data: 1, traceparent })).toBe(1);
    expect(tracer.spans.map((span) => span.links.length)).toEqual([links]);
  });

  test('no page gets a trace', () => {
    const tracer = tracing();
    const client = sse.connect({ userId: 'ada' });
    tracer.within(() => service.sendToUser('ada', { event: 'e', data: 1, traceparent: PARENT }));
    expect(JSON.stringify(client.received)).not.toMatch(/trace|4bf92f35/);
    expect(client.received).toMatchObject([{ event: 'e', data: 1 }]);
  });

  test.each(SENDS)('a send to %s shows ids only if the app wants it', (_, send, __, address) => {
    const tracer = tracing();
    process.env.SSEKIT_TRACING_IDS = 'true';
    send(service, { data: 1, id: 'payment 17' });
    expect(tracer.spans[0]?.attributes).toMatchObject({
      'messaging.destination.name': address,
      'messaging.message.id': 'payment 17',
    });
  });

  test('without a name, an event is a message', () => {
    const tracer = tracing();
    service.broadcast({ data: undefined });
    service.sendToUser('nobody', { event: '', data: 1 });
    expect(tracer.spans.map(({ attributes }) => attributes)).toMatchObject([
      { 'ssekit.event.name': 'message', 'messaging.message.body.size': 4, 'ssekit.clients': 1 },
      { 'ssekit.event.name': 'message', 'messaging.message.body.size': 1, 'ssekit.clients': 0 },
    ]);
  });

  test('a span that is not sampled costs no attributes, and the event is sent', () => {
    const tracer = tracing(new AlwaysOffSampler());
    expect(service.sendToUser('ada', { data: 1 })).toBe(1);
    expect(tracer.spans).toEqual([]);
  });

  test('the app can switch spans off', () => {
    const tracer = tracing();
    process.env.SSEKIT_TRACING = 'false';
    expect(service.sendToUser('ada', { data: 1 })).toBe(1);
    expect(tracer.spans).toEqual([]);
    process.env.SSEKIT_TRACING = '';
    expect(service.sendToUser('ada', { data: 1 })).toBe(1);
    expect(tracer.spans).toHaveLength(1);
  });

  test('a tracer may come and go', () => {
    expect(service.sendToUser('ada', { data: 1 })).toBe(1);
    const first = tracing();
    service.sendToUser('ada', { data: 1 });
    first.stop();
    service.sendToUser('ada', { data: 1 });
    expect(first.spans).toHaveLength(1);
    const second = tracing();
    service.sendToUser('ada', { data: 1 });
    expect([first.spans.length, second.spans.length]).toEqual([1, 1]);
  });

  test('a no-op tracer changes nothing', () => {
    // Somebody asks for a tracer, and nobody has registered a provider.
    const tracer: Tracer = trace.getTracer('the app');
    const sent = tracer.startActiveSpan('work', () => service.sendToUser('ada', { data: 1 }));
    expect(sent).toBe(1);
  });
});

test.each(['SSEKIT_TRACING', 'SSEKIT_TRACING_IDS'])('%s that is no flag is an error from the beginning', (variable) => {
  process.env[variable] = 'off';
  sse = fakeSSE();
  expect(() => freshHub()).toThrow(`${variable}: got "off", wants \`true\` or \`false\``);
});

function errorOf(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
