/** `ssekit/client` at the real listener, with tickets that expire: the page renews them, and misses nothing. */
import { Evaluator, stopEvaluators } from './support/evaluator';
import { endPages, stopClocks, watch } from './support/page-client';
import { until } from './support/until';

const SECRET = 'a secret that only these tests know of';

let server: Evaluator;
let url: string;

/** Starts a server whose listener takes tickets. */
async function start(oneTime: boolean): Promise<void> {
  server = await Evaluator.start({ retryMs: 10 });
  const tickets = { secret: SECRET, oneTime };
  const port = await server.evaluate(async ({ sse }, tickets) => (await sse.listen({ tickets })).port, tickets);
  url = `http://127.0.0.1:${port}/events`;
}

beforeAll(() => start(false));
afterEach(endPages);
afterAll(stopEvaluators);

/** Tickets for `ttl` seconds, as a route of the app would answer them. */
const ticketsFor = (ttl: number, isTold = true) =>
  jest.fn(async () => {
    const wanted = { userId: 'ada', ttl, channels: ['order:*'], secret: SECRET };
    const ticket = await server.evaluate(({ sse }, wanted) => sse.issueTicket(wanted), wanted);
    return isTold ? { ticket, expiresIn: ttl } : { ticket };
  });

const send = (data: number): Promise<number> =>
  server.evaluate(({ sse }, data) => sse.sendToUser('ada', { event: 'number', data }), data);

test('a stream that ends with its ticket goes on with another one', async () => {
  const auth = ticketsFor(1, false);
  const page = watch({ url, auth });
  await page.is('open');
  const sent: number[] = [];
  // The third ticket means that two streams have ended.
  while (auth.mock.calls.length < 3) {
    const data = sent.length;
    sent.push(data);
    await send(data);
    await until('the event', () => page.events.length === sent.length);
  }
  await page.got(...sent);
  expect(page.errors).toEqual([]);
});

test('before its ticket expires, a page has another one, and no event is missed', async () => {
  stopClocks();
  const auth = ticketsFor(3_600);
  const page = watch({ url, auth, heartbeatMs: 1e9 });
  await page.is('open');
  await send(1);
  await page.got(1);
  const before = await server.evaluate(({ sse }) => sse.stats().connects);
  await jest.advanceTimersByTimeAsync(3_570_000);
  await until('another stream', () => server.evaluate(({ sse }, n) => sse.stats().connects === n + 1, before));
  await send(2);
  await page.got(1, 2);
  expect(auth).toHaveBeenCalledTimes(2);
  expect(page.states).not.toContain('waiting');
});

test('a refused ticket is renewed once, and then the client says why it gives up', async () => {
  const page = watch({ url, auth: async () => 'no ticket' });
  await page.is('closed');
  expect(page.errors).toMatchObject([
    { code: 'refused', status: 401, message: `${url} answered 401: log in, or renew the ticket` },
  ]);
});

test('channels change by the ticket that the client holds', async () => {
  const page = watch({ url, auth: ticketsFor(3_600) });
  page.client.subscribe('order:1');
  page.client.subscribe('secret');
  await until('the channel', () => server.evaluate(({ sse }) => sse.getClientsByChannel('order:1').length === 1));
  await server.evaluate(({ sse }) => sse.sendToChannel('order:1', { event: 'number', data: 7 }));
  await page.got(7);
  await until('the refusal', () => page.errors.length === 1);
  expect(page.errors).toMatchObject([{ code: 'channel', message: 'No subscription to secret: refused' }]);
});

test('a stream that was cut goes on with its one-time ticket', async () => {
  await start(true);
  const auth = ticketsFor(3_600);
  const page = watch({ url, auth });
  await page.is('open');
  await send(1);
  await page.got(1);
  await server.evaluate(({ sse }) => sse.disconnectClient(sse.getActiveClients()[0] as string));
  await page.is('waiting');
  await send(2);
  await page.got(1, 2);
  expect([auth.mock.calls.length, page.errors]).toEqual([1, []]);
});
