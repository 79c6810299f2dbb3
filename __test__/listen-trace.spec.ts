/** The trace that a publisher names arrives with the event, for those who read comments; for all others nothing is different. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventSourceMessage } from 'eventsource-parser';
import ts from 'typescript';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { ThirdPartyClient } from './support/third-party';
import { until } from './support/until';
import { ARGUMENT } from './support/witness';

const TOKEN = 'a-token-that-only-these-tests-know-of';
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

let server: Evaluator;
let port: number;
beforeAll(async () => {
  server = await Evaluator.start({ heartbeatMs: 100 });
  port = (await server.evaluate(async ({ sse }, token) => {
    process.env.SSEKIT_TRACE_CONTEXT = 'true';
    return (await sse.listen({ anonymous: true, publish: { token } })).port;
  }, TOKEN)) as number;
});
afterAll(stopEvaluators);

const at = (path: string): string => `http://127.0.0.1:${port}${path}`;

async function publish(headers: Record<string, string>, ...events: object[]): Promise<void> {
  const response = await fetch(at('/publish'), {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(events.map((event) => ({ broadcast: true, event }))),
  });
  expect(response.status).toBe(200);
}

describe.each([
  'eventsource.mjs',
  'eventsource2.mjs',
  'eventsource-client.mjs',
  'fetch-event-source.mjs',
  'undici.mjs',
  'httpx_sse_client.py',
  'sseclient_py_client.py',
])('%s', (file) => {
  test('gets exactly the event that has a trace', async () => {
    const client = ThirdPartyClient.start(file);
    const stream = client.open(at('/events'), ['news', 'last']);
    await stream.upTo('ssekit:ready');
    const traced = { traceparent: PARENT, tracestate: 'a=1,b=2' };
    await publish(traced, { event: 'news', data: 'one', id: '1' }, { event: 'last', data: 'two', id: '2' });
    const events = (await stream.upTo('last')).slice(1);
    expect(events).toEqual([
      { name: 'news', data: '"one"', id: '1' },
      { name: 'last', data: '"two"', id: '2' },
    ]);
    await client.stop();
  });
});

test('the documented code gets the trace with its event', async () => {
  type Read = (url: string, onEvent: (event: EventSourceMessage, trace: object) => void) => Promise<void>;
  const page = readFileSync(join(__dirname, '..', 'docs', 'listener.md'), 'utf8');
  const [, code = ''] = /```ts\n(\/\/ lib\/traced-events\.ts\n.*?)```/s.exec(page) ?? [];
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  const exported: { readEvents?: Read } = {};
  const { outputText } = ts.transpileModule(code, { compilerOptions });
  new Function('require', 'exports', outputText)(require, exported);

  const got: [string, object][] = [];
  const reading = exported.readEvents?.(at('/events?clientId=reader'), ({ data }, trace) => got.push([data, trace]));
  await until('ssekit:ready', () => got.length > 0);
  const own = { traceparent: PARENT.replace('-01', '-00'), tracestate: 'own=1' };
  await publish({ traceparent: PARENT }, { data: 1 }, { data: 2, ...own }, { data: 3, ...own, traceparent: 'bad' });
  await publish({}, { data: 4 });
  await until('the last event', () => got.length === 5);
  expect(got.slice(1)).toEqual([
    ['1', { traceparent: PARENT }],
    ['2', own],
    ['3', { traceparent: PARENT }],
    ['4', {}],
  ]);
  await server.evaluate(({ sse }) => sse.disconnectClient('reader'));
  await reading;
});

test('a trace option that is no boolean is refused', async () => {
  const thrown = await server.thrownBy(({ sse }) => sse.listen({ anonymous: true, traceContext: 'yes' as never }));
  expect(thrown).toMatchObject(ARGUMENT);
  expect(thrown.message).toContain('options.traceContext');
});
