/** In an app that uses OpenTelemetry, each call of `ssekit/publish` is one span, and its events belong to the trace. */
import { createServer } from 'node:http';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { createPublisher, type Publisher } from 'ssekit/publish';
import { stopEvaluators } from './support/evaluator';
import { type PublishingServer, startPublishing, TOKEN } from './support/publishing';
import { closeClients, type RawClient } from './support/raw-client';
import { summary, Traces } from './support/traces';

const OWN = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const OWN_LINK = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  traceFlags: 1,
  isRemote: true,
};

let listener: PublishingServer;
let publisher: Publisher;
let traces: Traces;

beforeAll(async () => {
  listener = await startPublishing({ traceContext: true });
  publisher = createPublisher({ url: listener.url, token: TOKEN, retries: 0 });
});
beforeEach(() => {
  traces = new Traces();
});
afterEach(() => {
  traces.stop();
  closeClients();
  delete process.env.SSEKIT_TRACING;
  delete process.env.SSEKIT_TRACING_IDS;
});
afterAll(stopEvaluators);

/** The traces of all events that have come to a client. */
async function tracesAt(client: RawClient): Promise<string[]> {
  await listener.eventsOf(client);
  return [...client.received.toString().matchAll(/^: (trace(?:parent|state)=.*)$/gm)].map(([, text]) => text as string);
}

const parentOf = (span: ReadableSpan | undefined): string => {
  const { traceId = '', spanId = '', traceFlags = 0 } = span?.spanContext() ?? {};
  return `traceparent=00-${traceId}-${spanId}-0${traceFlags}`;
};

const COMMON = {
  'messaging.system': 'ssekit',
  'messaging.operation.name': 'send',
  'messaging.operation.type': 'send',
  'server.address': '127.0.0.1',
};

const CALLS: [name: string, call: () => Promise<unknown>, destination: Record<string, string>, address: string][] = [
  [
    'user',
    () => publisher.sendToUser('ada', { event: 'e', data: 'é', id: 'mine' }),
    { 'messaging.destination.template': 'user' },
    'ada',
  ],
  [
    'client',
    () => publisher.sendToClient('tab', { event: 'e', data: 'é', id: 'mine' }),
    { 'messaging.destination.template': 'client' },
    'tab',
  ],
  [
    'channel',
    () => publisher.sendToChannel('news', { event: 'e', data: 'é', id: 'mine' }),
    { 'messaging.destination.template': 'channel' },
    'news',
  ],
  [
    'broadcast',
    () => publisher.broadcast({ event: 'e', data: 'é', id: 'mine' }),
    { 'messaging.destination.name': 'broadcast' },
    'broadcast',
  ],
];

test.each(CALLS)('a call to %s is one span, a child of the active one', async (name, call, destination) => {
  const client = await listener.open('tab', 'ada');
  await listener.server.evaluate(({ sse }) => sse.subscribe({ clientId: 'tab' }, 'news'));
  const parent = await traces.within(async (span) => {
    await call();
    return span.spanContext();
  });
  const [span] = traces.spans;
  expect(traces.spans.map(summary)).toEqual([
    {
      name: `send ${name}`,
      kind: SpanKind.PRODUCER,
      attributes: {
        ...COMMON,
        ...destination,
        'server.port': listener.port,
        'messaging.message.body.size': 4,
        'ssekit.event.name': 'e',
        'ssekit.clients': 1,
      },
      failed: undefined,
      links: [],
      exceptions: [],
    },
  ]);
  expect(span?.parentSpanContext).toMatchObject({ traceId: parent.traceId, spanId: parent.spanId });
  expect(await tracesAt(client)).toEqual([parentOf(span)]);
});

test.each(CALLS)('a call to %s shows ids only if the app wants it', async (_, call, __, address) => {
  process.env.SSEKIT_TRACING_IDS = 'true';
  await call();
  const [span] = traces.spans;
  expect(span?.attributes).toMatchObject({ 'messaging.destination.name': address, 'messaging.message.id': 'mine' });
});

test('the events of one list belong to one span', async () => {
  const client = await listener.open('list', 'ada');
  await publisher.publish([
    { userId: 'ada', event: { data: 1 } },
    { userId: 'nobody', event: { data: 2 } },
    { userId: 'ada', event: { data: 3, traceparent: OWN, tracestate: 'a=1' } },
  ]);
  await publisher.publish([
    { userId: 'ada', event: { data: 4 } },
    { broadcast: true, event: { data: 5 } },
  ]);
  const [first, second] = traces.spans;
  expect(traces.spans.map(summary)).toMatchObject([
    {
      name: 'send user',
      attributes: {
        'messaging.destination.template': 'user',
        'messaging.batch.message_count': 3,
        'ssekit.clients': 2,
      },
      links: [OWN_LINK],
    },
    { name: 'send', attributes: { 'messaging.batch.message_count': 2, 'ssekit.clients': 2 }, links: [] },
  ]);
  expect(second?.attributes).not.toHaveProperty('messaging.destination.template');
  expect(await tracesAt(client)).toEqual([
    parentOf(first),
    `traceparent=${OWN}`,
    'tracestate=a=1',
    parentOf(second),
    parentOf(second),
  ]);
});

test('an event keeps its own trace, and the span links to it', async () => {
  const client = await listener.open('own', 'ada');
  await publisher.sendToUser('ada', { data: 1, traceparent: OWN, tracestate: 'a=1' });
  expect(traces.spans.map(summary)).toMatchObject([{ links: [OWN_LINK] }]);
  traces.stop();
  await publisher.sendToUser('ada', { data: 2, traceparent: OWN });
  await publisher.sendToUser('ada', { data: 3, traceparent: 'nonsense' });
  await publisher.sendToUser('ada', { data: 4, traceparent: OWN, tracestate: 5 as never });
  expect(await tracesAt(client)).toEqual([
    `traceparent=${OWN}`,
    'tracestate=a=1',
    `traceparent=${OWN}`,
    `traceparent=${OWN}`,
  ]);
});

test('an unsampled span passes on its trace', async () => {
  traces.stop();
  traces = new Traces(new AlwaysOffSampler());
  const client = await listener.open('unsampled', 'ada');
  await publisher.sendToUser('ada', { data: 1 });
  expect(await tracesAt(client)).toEqual([expect.stringMatching(/^traceparent=00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)]);
  expect(traces.spans).toEqual([]);
});

test('a webhook that is delivered twice is published once, each time in another span', async () => {
  const client = await listener.open('webhook', 'ada');
  for (let delivery = 1; delivery <= 2; delivery++) {
    await traces.within(() =>
      publisher.publish([{ userId: 'ada', event: { data: 1 } }], { idempotencyKey: 'payment-17' }),
    );
  }
  expect(traces.spans.map(({ status }) => status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
  expect(await listener.eventsOf(client)).toHaveLength(1);
});

test('what goes wrong is recorded, and rejects as ever', async () => {
  const refused = createPublisher({ url: listener.url, token: 'another', retries: 0 });
  const calls = [
    () => refused.sendToUser('ada', { data: 1 }),
    () => publisher.sendToUser(true as never, { data: 1 }),
    () => publisher.sendToUser('ada', null as never),
    () => publisher.publish([{ userId: 'ada', event: { data: 1n } }]),
    () => publisher.publish([null as never]),
    () => publisher.publish([{ event: { data: 1 } } as never]),
  ];
  const errors = [];
  for (const call of calls) errors.push(await call().catch((error) => error));
  expect(traces.spans.map(summary)).toMatchObject(
    errors.map(({ code, message }) => ({ failed: message, exceptions: [message], attributes: { 'error.type': code } })),
  );
  expect(errors.map(({ code }) => code)).toEqual(['ERR_SSEKIT_PUBLISH', ...Array(5).fill('ERR_SSEKIT_ARGUMENT')]);
});

test('the span is the active one while the request is made', async () => {
  const seen: (string | undefined)[] = [];
  const traced = createPublisher({
    url: listener.url,
    token: TOKEN,
    fetch: (url, init) => {
      seen.push(trace.getSpan(context.active())?.spanContext().spanId);
      return fetch(url, init);
    },
  });
  await traced.broadcast({ data: 1 });
  expect(seen).toEqual([traces.spans[0]?.spanContext().spanId]);
});

test('an attempt that is repeated has the same body', async () => {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray();
    bodies.push(Buffer.concat(chunks).toString());
    response.writeHead(bodies.length === 1 ? 500 : 200, { 'content-type': 'application/json' });
    response.end('{"clients":1,"id":null}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await createPublisher({ url: `http://127.0.0.1:${port}`, token: TOKEN }).broadcast({ data: 1 });
  server.closeAllConnections();
  server.close();
  expect(bodies).toHaveLength(2);
  expect(bodies[0]).toBe(bodies[1]);
  expect(traces.spans).toHaveLength(1);
});

test('without a tracer, or switched off, a request says nothing of a trace', async () => {
  const bodies: unknown[] = [];
  const quiet = createPublisher({
    url: listener.url,
    token: TOKEN,
    fetch: (url, init) => {
      bodies.push(init.body, JSON.stringify(init.headers));
      return fetch(url, init);
    },
  });
  process.env.SSEKIT_TRACING = 'false';
  await quiet.broadcast({ data: 1 });
  delete process.env.SSEKIT_TRACING;
  traces.stop();
  await quiet.broadcast({ data: 2 });
  await quiet.publish([{ broadcast: true, event: { data: 3 } }]);
  expect(bodies).toHaveLength(6);
  expect(bodies.join()).not.toContain('trace');
  expect(traces.spans).toEqual([]);
});

test('an empty list is no send', async () => {
  expect(await publisher.publish([])).toEqual([]);
  expect(traces.spans).toEqual([]);
});

test.each(['SSEKIT_TRACING', 'SSEKIT_TRACING_IDS'])('%s that is no flag makes no publisher', (variable) => {
  process.env[variable] = '1';
  expect(() => createPublisher({ url: listener.url, token: TOKEN })).toThrow(
    `${variable}: got "1", wants \`true\` or \`false\``,
  );
});
