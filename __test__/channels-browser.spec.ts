/** Pages in a real browser change the channels of their streams: their own pages do, and those of others do not. */
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './support/browser';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { until } from './support/until';

const SECRET = 'a secret that only these tests know of';

let browser: Browser;
let server: Evaluator;
let page: Page;
/** A route of `createSSERoute` whose user is always ada, as if each browser had her cookie; and a listener. */
let route: number;
let listener: number;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), Evaluator.start({ heartbeatMs: 3_600_000 })]);
  [route, listener] = await server.evaluate(async ({ sse, state, require }, secret) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    const { serveRoute } = require('./route-server.cjs');
    const { GET, POST } = createSSERoute({
      identify: () => 'ada',
      authorize: (channel) => channel.startsWith('order:'),
    });
    state.posts = [];
    const noted = async (request: Request): Promise<Response> => {
      const answer = await POST(request);
      state.posts.push([request.headers.get('sec-fetch-site'), answer.status]);
      return answer;
    };
    const port = await serveRoute({ GET, POST: noted });
    const cors = { origins: [`http://127.0.0.1:${port}`] };
    return [port, (await sse.listen({ tickets: { secret }, cors })).port as number];
  }, SECRET);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await stopEvaluators();
});
beforeEach(async () => {
  page = await browser.newPage();
  await server.evaluate(({ state }) => {
    state.posts.length = 0;
  });
});
afterEach(() => page.close());

/** Opens a stream in the page, and asks there for a channel. Returns the answer, and what the stream says of it. */
const subscribeIn = (url: string): Promise<[number, unknown, string]> =>
  page.evaluate(async (url) => {
    const events = new EventSource(url);
    const told = (name: string): Promise<string> =>
      new Promise((resolve) => events.addEventListener(name, ({ data }) => resolve(data)));
    const begun = told('ssekit:subscribed');
    const { clientId } = JSON.parse(await told('ssekit:ready'));
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ clientId, subscribe: ['order:1', 'secret'] }),
    });
    return [answer.status, await answer.json(), await begun] as [number, unknown, string];
  }, url);

const CHANGED = { subscribed: ['order:1'], unsubscribed: [], refused: ['secret'] };

test('a page of the app changes the channels of its stream', async () => {
  await page.goto(`http://127.0.0.1:${route}/page`);
  expect(await subscribeIn('/sse')).toEqual([200, CHANGED, '{"channel":"order:1"}']);
  // The browser says what it knows about the page.
  expect(await server.evaluate(({ state }) => state.posts)).toEqual([['same-origin', 200]]);
});

test('a page of a listed origin changes them at the listener', async () => {
  const ticket = await server.evaluate(
    ({ sse }, secret) => sse.issueTicket({ userId: 'ada', channels: ['order:*'], secret }),
    SECRET,
  );
  await page.goto(`http://127.0.0.1:${route}/page`);
  const url = `http://127.0.0.1:${listener}/events?ticket=${ticket}`;
  expect(await subscribeIn(url)).toEqual([200, CHANGED, '{"channel":"order:1"}']);
});

test.each(['localhost', '127.0.0.1'])('a foreign page at %s changes nothing', async (host) => {
  const other = await server.evaluate(({ require }) => require('./route-server.cjs').serveRoute({}));
  await page.goto(`http://${host}:${other}/page`);
  const sent = await page.evaluate(async (url) => {
    const body = JSON.stringify({ clientId: 'tab', subscribe: ['order:1'] });
    const tries: RequestInit[] = [
      { headers: { 'content-type': 'application/json' } },
      { mode: 'no-cors' },
      { mode: 'no-cors', headers: { 'content-type': 'application/json' } },
    ];
    const outcomes = tries.map((init) => fetch(url, { method: 'POST', credentials: 'include', body, ...init }));
    const settled = await Promise.allSettled(outcomes);
    const form = document.createElement('form');
    Object.assign(form, { method: 'POST', action: url, enctype: 'text/plain' });
    const input = document.createElement('input');
    Object.assign(input, { name: '{"clientId":"tab","subscribe":["order:1"],"lastEventId":"', value: '"}' });
    form.append(input);
    document.body.append(form);
    form.submit();
    return settled.map(({ status }) => status);
  }, `http://127.0.0.1:${route}/sse`);
  expect(sent[0]).toBe('rejected');
  const posts = await until('all three', async () => {
    const posts: [string, number][] = await server.evaluate(({ state }) => state.posts);
    return posts.length === 3 && posts;
  });
  expect(posts.map(([, status]) => status)).toEqual([403, 403, 403]);
});
