/** `ssekit/publish` when something goes wrong on the way: it is tried again where that makes sense, and published once. */
import { createPublisher, PublishError, type PublisherOptions } from 'ssekit/publish';
import { parseRetryAfter } from '../ts/publish/attempt';
import { stopEvaluators } from './support/evaluator';
import { type Answer, type Fault, FaultyProxy, stopProxies } from './support/faulty-proxy';
import { type PublishingServer, startPublishing, TOKEN } from './support/publishing';
import { closeClients, type RawClient } from './support/raw-client';

let listener: PublishingServer;

beforeAll(async () => {
  listener = await startPublishing();
});
afterEach(closeClients);
afterEach(stopProxies);
afterAll(stopEvaluators);

async function between(faults: Fault[], options: PublisherOptions = {}, next?: Fault) {
  const proxy = await FaultyProxy.start(listener.port, faults, next);
  return { proxy, publisher: createPublisher({ url: proxy.url, token: TOKEN, ...options }) };
}

/** The error that a publication ends with, and how many requests there were. */
async function failure(faults: Fault[], options: PublisherOptions = {}, next?: Fault) {
  const { proxy, publisher } = await between(faults, options, next);
  const error = await publisher.broadcast({ data: 1 }).catch((error) => error);
  if (!(error instanceof PublishError)) throw new Error(`it ended with ${error}`);
  return { error, requests: proxy.requests.length };
}

const answer = (status: number, more: Partial<Answer> = {}): Answer => ({ status, ...more });

describe('an event arrives once, and the lost answer is repeated,', () => {
  test.each<[string, Fault[], PublisherOptions]>([
    ['when the connection ends before the answer', ['lost'], {}],
    ['when the answer ends in the middle', ['cut'], {}],
    ['when there is no answer', ['never'], { timeoutMs: 300 }],
    ['when it comes to the listener after the next attempt has', ['late'], { timeoutMs: 300 }],
    ['when a proxy answers 500', [answer(500)], {}],
    ['when a proxy answers 502 with a page, and then 503', [answer(502, { body: '<h1>Bad' }), answer(503)], {}],
    ['when it is too much for somebody', [answer(429)], {}],
    ['when nearly everything goes wrong', ['lost', answer(504), 'cut'], {}],
  ])('%s', async (_, faults, options) => {
    const client: RawClient = await listener.open('witness', 'ada');
    const { proxy, publisher } = await between(faults, options);
    expect(await publisher.sendToUser('ada', { event: 'news', data: 'once' })).toBe(1);
    // More than one more, where a machine that is busy has let an attempt time out that nothing was wrong with.
    expect(proxy.requests.length).toBeGreaterThan(faults.length);
    expect(new Set(proxy.requests.map(({ key, body }) => `${key} ${body}`)).size).toBe(1);
    expect(await listener.eventsOf(client)).toMatchObject([{ event: 'news', data: '"once"' }]);
  });

  test('but another call is another event', async () => {
    const client = await listener.open('another');
    const { proxy, publisher } = await between([]);
    for (const _ of [1, 2]) await publisher.broadcast({ data: 'the same' });
    expect(new Set(proxy.requests.map(({ key }) => key)).size).toBe(2);
    expect(await listener.eventsOf(client)).toHaveLength(2);
  });
});

describe('it is given up', () => {
  test.each([400, 401, 403, 404, 408, 409, 413, 415, 422])('at once with %i', async (status) => {
    const { error, requests } = await failure([answer(status)]);
    expect({ status: error.status, attempts: error.attempts, requests }).toEqual({ status, attempts: 1, requests: 1 });
  });

  test.each([500, 501, 503, 599, 429])('with %i when each attempt got that answer', async (status) => {
    const { error, requests } = await failure([], { retries: 1 }, answer(status, { body: 'no JSON' }));
    expect({ status: error.status, attempts: error.attempts, requests }).toEqual({ status, attempts: 2, requests: 2 });
    expect(error.message).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+: answered with ${status} \\(2 attempts\\)$`));
  });

  test('without an answer, when none has come in time', async () => {
    const { error, requests } = await failure([], { retries: 1, timeoutMs: 50 }, 'never');
    expect({ status: error.status, attempts: error.attempts, requests }).toEqual({
      status: null,
      attempts: 2,
      requests: 2,
    });
    expect(error.message).toContain('no answer within 50 ms (2 attempts)');
  });

  test('when every connection ends, with the message of Node.js', async () => {
    const { error } = await failure([], { retries: 0 }, 'lost');
    expect(error.status).toBe(null);
    expect(error.message).toContain('UND_ERR_SOCKET');
    expect(error.cause).toMatchObject({ message: 'fetch failed' });
  });

  test('at a redirect, without sending the token on', async () => {
    const elsewhere = await FaultyProxy.start(listener.port, []);
    const { error } = await failure([answer(307, { headers: { location: `${elsewhere.url}/publish` } })]);
    expect(error.status).toBe(307);
    expect(error.message).toContain('a redirect, which is not followed');
    expect(elsewhere.requests).toEqual([]);
  });

  test.each(['', 'OK', '{}', '{"clients":"1","id":null}', '{"clients":1}', '[]'])(
    'at a foreign answer: 200 %j',
    async (body) => {
      const { error, requests } = await failure([answer(200, { body })]);
      expect({ status: error.status, requests }).toEqual({ status: 200, requests: 1 });
    },
  );
});

describe('Retry-After', () => {
  test('is waited for, in seconds', async () => {
    const { proxy, publisher } = await between([answer(503, { headers: { 'retry-after': '1' } })]);
    await publisher.broadcast({ data: 1 });
    const [first, second] = proxy.requests;
    // Clocks and timers may disagree by a millisecond or two; without the header it would be 250.
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(980);
  });

  test.each([429, 503])('is reported with the %i if it is too long', async (status) => {
    const { error, requests } = await failure([answer(status, { headers: { 'retry-after': '31' } })]);
    expect({ status: error.status, retryAfterMs: error.retryAfterMs, requests }).toEqual({
      status,
      retryAfterMs: 31_000,
      requests: 1,
    });
  });

  test('is a number of seconds or a date', () => {
    const now = Date.parse('Fri, 01 Jan 2027 00:00:00 GMT');
    expect(parseRetryAfter('120', now)).toBe(120_000);
    expect(parseRetryAfter('Fri, 01 Jan 2027 00:00:10 GMT', now)).toBe(10_000);
    expect(parseRetryAfter('Thu, 31 Dec 2026 00:00:00 GMT', now)).toBe(0);
    for (const nonsense of ['soon', '-1', '', null]) expect(parseRetryAfter(nonsense, now)).toBeUndefined();
  });
});

test('an echoing peer puts neither token nor lines into a message', async () => {
  const error = `you sent Bearer ${TOKEN}\r\nWARNING: \u001b[31mforged\u2028${'x'.repeat(10_000)}`;
  const { error: thrown } = await failure([answer(400, { body: JSON.stringify({ error }) })]);
  expect(thrown.message).toContain('refused with 400: you sent Bearer … WARNING:  [31mforged x');
  expect(thrown.message.length).toBeLessThan(400);
});
