/** Faults of servers, proxies and networks: `ssekit/client` in each engine, with the engine's own `fetch`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { documentedCode } from './support/documented-code';
import { inEachEngine } from './support/engines';
import { PageServer, stopPageServers } from './support/page-server';
import { type Answer, event, ready, refusal, StreamServer, stopStreamServers, stream } from './support/stream-server';
import { ListeningTab } from './support/tab-site';
import { until } from './support/until';

const MODULE = readFileSync(join(__dirname, '..', 'dist', 'client', 'index.mjs'), 'utf8');

const { outputText: WRAPPER } = ts.transpileModule(documentedCode('browser.md', 'lib/listen.ts'), {
  compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
});

/** `url`: of the stream. */
const clientOf = (url: string): string => `<!doctype html><meta charset="utf-8"><script type="module">
  import { createClient } from '/client.mjs';
  globalThis.heard = [];
  globalThis.errors = [];
  globalThis.client = createClient({ url: ${JSON.stringify(url)}, share: false });
  client.on('number', (data) => heard.push(data));
  client.onError((error) => errors.push(error.code));
</script>`;

/** The wrapper of the browser's own `EventSource` that the documentation has. */
const wrapperOf = (url: string): string => `<!doctype html><script type="module">
  ${WRAPPER}
  globalThis.heard = [];
  globalThis.errors = [];
  globalThis.client = { status: {} };
  listen(${JSON.stringify(url)}, {
    on: { number: (data) => heard.push(data) },
    refetch: async () => {},
    onState: (state) => (client.status.state = state),
  });
</script>`;

afterEach(async () => {
  stopPageServers();
  await stopStreamServers();
});

const number = (n: unknown, id: string): string => event('number', n, id);

/** Pages that come back soon after a cut. */
const SOON = 'retry: 10\n\n';

/** A stream that ends at once. */
const brief =
  (text: string): Answer =>
  (res) => {
    stream(text)(res, res.req);
    res.end();
  };

/** A stream that is cut wherever it is. */
const cut =
  (text: string | Buffer): Answer =>
  (res) => {
    stream()(res, res.req);
    res.write(text, () => res.destroy());
  };

/** Each byte comes alone. */
const byByte =
  (bytes: Buffer): Answer =>
  (res) => {
    stream('')(res, res.req);
    const write = (at: number): unknown =>
      at < bytes.length && res.write(bytes.subarray(at, at + 1), () => setImmediate(write, at + 1));
    write(0);
  };

inEachEngine((browser) => {
  let server: StreamServer;
  let tab: ListeningTab;

  /** Opens a page whose stream has these answers. */
  async function open(...answers: Answer[]): Promise<void> {
    server = await StreamServer.start(answers);
    const site = await PageServer.start(server.port, { '/': clientOf('/sse'), '/client.mjs': MODULE });
    tab = new ListeningTab(await browser().open(`http://127.0.0.1:${site.port}/`));
  }

  const lastEventId = async (request: number): Promise<string | undefined> =>
    (await server.request(request)).query.lastEventId;

  test.each<[what: string, answer: Answer]>([
    ['301', refusal(301, { location: '/moved' })],
    ['307', refusal(307, { location: '/moved' })],
    ['409', refusal(409)],
    ['429 with Retry-After', refusal(429, { 'retry-after': '0' })],
    ['500', refusal(500)],
    ['502', refusal(502)],
    ['503', refusal(503)],
    ['a page of HTML', refusal(200, { 'content-type': 'text/html' }, '<p>Maintenance')],
    ['no answer at all', (res) => void res.destroy()],
    ['an end without an event', brief(':\n\n')],
    ['a cut within an event', cut('event: number\ndata: 8')],
    ['a cut within a character', cut(Buffer.from('event: number\ndata: "\u00e9').subarray(0, -1))],
  ])('after %s, the page goes on where it was', async (_, answer) => {
    await open(brief(SOON + number(1, 'z.1')), answer, stream(SOON + number(2, 'z.2')));
    await tab.heard(1, 2);
    await tab.isIn('open');
    expect(await lastEventId(2)).toBe('z.1');
    expect((await tab.look()).cursor).toBe('z.2');
  });

  test.each([204, 401, 403])('after %d, the page gives up', async (status) => {
    await open(brief(SOON + number(1, 'z.1')), refusal(status), stream(number(2, 'z.2')));
    await tab.isIn('closed');
    await tab.heard(1);
    expect(server.seen.length).toBe(2);
  });

  test('bytes that come one by one make the same events', async () => {
    const text = [
      `\uFEFF: greeting\r\n\r\n${SOON.replaceAll('\n', '\r\n')}`,
      'event: number\r\ndata: "gr\u00fc\u00dfe \u{1f30d}"\r\nid: z.1\r\n\r\n',
      'event: number\rdata: "cr"\rid: z.2\r\r',
      ':\n\n:\n\n',
      'event: number\ndata: [1,\ndata: 2]\nid: z.3\n\n',
    ].join('');
    await open(byByte(Buffer.from(text)));
    await until('the events', async () => (await tab.look()).heard.length === 3);
    expect((await tab.look()).heard).toEqual(['gr\u00fc\u00dfe \u{1f30d}', 'cr', [1, 2]]);
    expect((await tab.look()).errors).toEqual([]);
  });

  test('an id alone moves the place, which outlasts connections without an event', async () => {
    await open(brief(`${SOON}${number(1, 'z.1')}id: z.5\n\n`), brief(':\n\n'), brief(''), stream(number(2, 'z.6')));
    await tab.heard(1, 2);
    expect([await lastEventId(2), await lastEventId(3), await lastEventId(4)]).toEqual(['z.5', 'z.5', 'z.5']);
  });

  test('an event of 1 MiB comes whole', async () => {
    const text = '\u00e9'.repeat(512 * 1_024);
    await open(stream(number(text, 'z.1')));
    const size = () => (globalThis as unknown as { heard: string[] }).heard[0]?.length;
    await until('the event', async () => (await tab.page.evaluate(size)) === text.length);
  });

  test('a network that swallows everything is noticed by the missing heartbeats', async () => {
    await open(stream(SOON + ready({ heartbeatMs: 100 }) + number(1, 'z.1')), stream(number(2, 'z.2')));
    await tab.heard(1, 2);
    expect(await lastEventId(2)).toBe('z.1');
    await until('the first connection to be closed', () => server.seen[0]?.res.destroyed);
  });

  test('a clock that is set back by a day hides no silence', async () => {
    await open(stream(SOON + ready({ heartbeatMs: 100 }) + number(1, 'z.1')), stream(number(2, 'z.2')));
    await tab.page.evaluate(() => {
      const { now } = Date;
      Date.now = () => now() - 86_400_000;
    });
    await tab.heard(1, 2);
    expect(await lastEventId(2)).toBe('z.1');
  });

  test('a machine that has slept for an hour connects again when the page is looked at', async () => {
    await open(stream(SOON + ready() + number(1, 'z.1')), stream(number(2, 'z.2')));
    await tab.heard(1);
    await tab.page.evaluate(() => {
      const { now } = Date;
      Date.now = () => now() + 3_600_000;
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await tab.heard(1, 2);
    expect(await lastEventId(2)).toBe('z.1');
  });

  // Firefox's own `EventSource` gives up for good when a server of another origin refuses it.
  test.each<[what: string, page: (url: string) => string]>([
    ['the client', clientOf],
    ['the documented wrapper', wrapperOf],
  ])('%s comes back to a server of another origin that was away', async (_, page) => {
    const foreign =
      (text: string): Answer =>
      (res, req) => {
        res.setHeader('access-control-allow-origin', '*');
        stream(text)(res, req);
      };
    const first = await StreamServer.start([foreign(SOON + ready() + number(1, 'z.1'))]);
    const { port, url } = first;
    const site = await PageServer.start(port, { '/': page(url), '/client.mjs': MODULE });
    tab = new ListeningTab(await browser().open(`http://127.0.0.1:${site.port}/`));
    await tab.heard(1);
    await tab.isIn('open');
    await first.stop();
    await until('it to be missed', async () => (await tab.look()).state !== 'open');
    server = await StreamServer.start([foreign(SOON + ready() + number(2, 'z.2'))], port);
    await tab.heard(1, 2);
    const streams = server.seen.filter(({ method }) => method === 'GET');
    const { query, headers } = streams[0] as (typeof streams)[number];
    expect(headers['last-event-id'] ?? query.lastEventId).toBe('z.1');
  });
});
