/** Streams in tests: those of a route, of a component's client, and of a page under Playwright. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { SSEService as Service } from '../index';
import type { FakeSSE } from '../ts/testing';
import { openBrowser } from './support/browser';
import { until } from './support/until';

// The package as it is installed.
const { SSEService }: { SSEService: typeof Service } = require('../index.js');
const kit: typeof import('../ts/testing') = require('../dist/testing/index.js');
const { createSSERoute }: typeof import('../ts/next') = require('../dist/next/index.js');
const { createClient }: typeof import('../ts/client') = require('../dist/client/index.js');

const service = SSEService.getInstance();
let sse: FakeSSE;
beforeEach(() => {
  sse = kit.fakeSSE();
});
afterEach(() => sse.restore());

describe('readEvents', () => {
  const { GET } = createSSERoute({ identify: (request) => new URL(request.url).searchParams.get('user') });
  const open = (query: string): Promise<Response> => GET(new Request(`http://localhost/api/sse?${query}`));

  test('gives the events of a route', async () => {
    const events = kit.readEvents(await open('user=ada'));
    service.sendToUser('ada', { event: 'a', data: 1 });
    service.broadcast({ data: { b: 2 } });
    expect(await events.take(2)).toEqual([
      { event: 'a', data: 1, id: expect.any(String) },
      { event: 'message', data: { b: 2 }, id: expect.any(String) },
    ]);
    expect(await events.waitFor({ event: 'ssekit:ready' })).toMatchObject({ data: { userId: 'ada' } });
    const coming = events.next();
    service.sendToUser('ada', { event: 'c', data: 3 });
    expect(await coming).toMatchObject({ event: 'c' });
    await events.close();
    expect(service.getActiveClients()).toEqual([]);
  });

  test('ends with the stream', async () => {
    const events = kit.readEvents(await open('user=ada'));
    service.sendToUser('ada', { event: 'last', data: 1 });
    service.disconnectUser('ada');
    const names: string[] = [];
    for await (const { event } of events) names.push(event);
    expect(names).toEqual(['last']);
    await expect(events.next()).rejects.toThrow('The stream has ended. It has received: last 1.');
  });

  test('says what came instead', async () => {
    const events = kit.readEvents(await open('user=ada'));
    service.sendToUser('ada', { event: 'other', data: 1 });
    await events.next();
    await expect(events.next({ timeoutMs: 1 })).rejects.toThrow(
      'No event came. The reader has received: other 1. Waited for 1 ms.',
    );
    await expect(events.waitFor({ event: 'paid' }, { timeoutMs: 1 })).rejects.toThrow('{"event":"paid"}');
    await events.close();
  });

  test('a response that is no stream is refused', async () => {
    const refused = await open('');
    expect(() => kit.readEvents(refused)).toThrow(
      'response: got 401 with text/plain; charset=utf-8, wants 200 with text/event-stream',
    );
  });
});

describe('createTestStream', () => {
  function start(options: object = {}) {
    const stream = kit.createTestStream({ userId: 'ada', ...options });
    const client = createClient({ url: 'http://localhost/api/sse' });
    const got: unknown[] = [];
    client.on('*', (data, { event }) => event.startsWith('ssekit:') || got.push([event, data]));
    const resets: string[] = [];
    client.onReset(({ reason }) => {
      resets.push(reason);
    });
    return { stream, client, got, resets };
  }

  test('the page gets what the code under test sends, and what the test sends', async () => {
    const { stream, client, got } = start({ welcome: { hello: 1 } });
    await until('the stream', () => client.status.state === 'open');
    service.sendToUser('ada', { event: 'a', data: 1 });
    stream.send({ event: 'b', data: 2 });
    await until('both', () => got.length === 2);
    expect(got).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(stream.requests).toMatchObject([{ method: 'GET', url: expect.stringMatching(/^\/api\/sse\?clientId=/) }]);
    client.close();
    await until('the client to go', () => service.getActiveClients().length === 0);
    stream.restore();
  });

  test('a cut stream comes back and misses nothing', async () => {
    const { stream, client, got, resets } = start();
    await until('the stream', () => client.status.state === 'open');
    stream.send({ event: 'a', data: 1 });
    await until('the event', () => got.length === 1);
    stream.cut();
    service.sendToUser('ada', { event: 'b', data: 2 });
    await until('the other', () => got.length === 2);
    expect([got, resets, stream.requests.length]).toEqual([
      [
        ['a', 1],
        ['b', 2],
      ],
      [],
      2,
    ]);
    client.close();
    stream.restore();
  });

  test('a reset makes the page fetch its state again', async () => {
    const { stream, client, resets } = start();
    await until('the stream', () => client.status.state === 'open');
    stream.reset('evicted');
    await until('the reset', () => resets.length === 1);
    expect(resets).toEqual(['evicted']);
    client.close();
    stream.restore();
  });

  test('a refused page stays away until it is let in', async () => {
    const { stream, client } = start();
    await until('the stream', () => client.status.state === 'open');
    client.onError(() => {});
    stream.refuse(401);
    await until('the refusal', () => client.status.state === 'closed');
    expect(client.status).toMatchObject({ httpStatus: 401 });
    stream.accept();
    const again = createClient({ url: 'http://localhost/api/sse' });
    again.on('a', () => {});
    await until('the stream', () => again.status.state === 'open');
    again.close();
    stream.restore();
  });

  test('a page subscribes to the channels that it may have', async () => {
    const { stream, client, got } = start({ authorize: (channel: string) => channel === 'order:1' });
    await until('the stream', () => client.status.state === 'open');
    client.subscribe('order:1');
    await until('the subscription', () => service.getChannels().length === 1);
    service.sendToChannel('order:1', { event: 'packed', data: 1 });
    await until('the event', () => got.length === 1);
    expect(stream.requests.map(({ method }) => method)).toContain('POST');
    client.close();
    stream.restore();
  });

  test('another request goes where it went before', async () => {
    const { fetch } = globalThis;
    const asked: string[] = [];
    globalThis.fetch = (async (url: string) => {
      asked.push(url);
      return new Response('other');
    }) as never;
    const stream = kit.createTestStream();
    expect(await (await globalThis.fetch('http://localhost/other')).text()).toBe('other');
    stream.restore();
    expect(asked).toEqual(['http://localhost/other']);
    globalThis.fetch = fetch;
  });

  test('options that make no sense are refused', () => {
    expect(() => kit.createTestStream({ userID: 'ada' } as never)).toThrow('options.userID: no such option');
  });
});

describe('routeTestStream', () => {
  let browser: Browser;
  let app: Server;
  let origin: string;

  beforeAll(async () => {
    browser = await openBrowser();
    const script = (path: string): Buffer => readFileSync(join(__dirname, '..', 'dist', path));
    app = createServer((req, res) => {
      const isScript = req.url?.endsWith('.mjs') ?? false;
      res.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
      res.end(isScript ? script(String(req.url)) : '<ul id="list"></ul>');
    }).listen(0, '127.0.0.1');
    await once(app, 'listening');
    origin = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    app.close();
  });

  test('a page in a browser streams from the hub of the test', async () => {
    const page = await browser.newPage();
    const stream = await kit.routeTestStream(page, { userId: 'ada', sse });
    await page.goto(origin);
    await page.addScriptTag({
      type: 'module',
      content: `
        import { createClient } from '/client/index.mjs';
        window.state = { got: [], resets: [] };
        const client = createClient({ url: '/api/sse' });
        client.on('*', (data, { event }) => event.startsWith('ssekit:') || state.got.push(data));
        client.onReset(({ reason }) => void state.resets.push(reason));
        client.subscribe('order:1');`,
    });
    const state = (): Promise<{ got: unknown[]; resets: string[] }> => page.evaluate('state');
    await until('the subscription', () => service.getChannels().length === 1);
    service.sendToUser('ada', { event: 'a', data: 1 });
    service.sendToChannel('order:1', { event: 'b', data: 2 });
    stream.send({ event: 'c', data: 3 });
    await until('three events', async () => (await state()).got.length === 3);
    stream.cut();
    service.sendToUser('ada', { event: 'd', data: 4 });
    await until('the fourth', async () => (await state()).got.length === 4);
    stream.reset();
    await until('the reset', async () => (await state()).resets.length === 1);
    expect(await state()).toEqual({ got: [1, 2, 3, 4], resets: ['unknown'] });
    await stream.close();
    await page.close();
  });
});
