/** `ssekit/publish`: the sending half of the service over HTTP, at a real listener. */
import { inspect } from 'node:util';
import { createPublisher, PublishError, type Publisher } from 'ssekit/publish';
import type { SSEEvent } from '../index';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { freePort } from './support/free-port';
import { type PublishingServer, startPublishing, TOKEN } from './support/publishing';
import { closeClients } from './support/raw-client';

let listener: PublishingServer;
let publisher: Publisher;

beforeAll(async () => {
  listener = await startPublishing();
  publisher = createPublisher({ url: listener.url, token: TOKEN });
});
afterEach(closeClients);
afterAll(stopEvaluators);

/** The reason of a rejected promise. */
async function rejection(promise: Promise<unknown>): Promise<Error & PublishError> {
  return promise.then(
    (value) => Promise.reject(new Error(`it resolved with ${inspect(value)}`)),
    (error) => error,
  );
}

describe('every call reaches', () => {
  test('a user in all connections', async () => {
    const [first, second, other] = [
      await listener.open('a', 'ada'),
      await listener.open('b', 'ada'),
      await listener.open('c', 'grace'),
    ];
    expect(await publisher.sendToUser('ada', { event: 'news', data: { a: 1 }, id: 'mine', retry: 7 })).toBe(2);
    const expected = [{ event: 'news', data: '{"a":1}', id: 'mine', retry: 7 }];
    expect(await listener.eventsOf(first)).toMatchObject(expected);
    expect(await listener.eventsOf(second)).toMatchObject(expected);
    expect(await listener.eventsOf(other)).toEqual([]);
  });

  test('a user by a number as by its decimal string', async () => {
    const client = await listener.open('n', '42');
    expect(await publisher.sendToUser(42, { data: 1 })).toBe(1);
    expect(await publisher.sendToUser(42n, { data: 2 })).toBe(1);
    expect((await listener.eventsOf(client)).map(({ data }) => data)).toEqual(['1', '2']);
  });

  test('a client, and no user of that name', async () => {
    const [one, other] = [await listener.open('one'), await listener.open('other')];
    expect(await publisher.sendToClient('one', { data: 'hello' })).toBe(true);
    expect(await publisher.sendToClient('nobody', { data: 'hello' })).toBe(false);
    expect(await listener.eventsOf(one)).toMatchObject([{ data: '"hello"' }]);
    expect(await listener.eventsOf(other)).toEqual([]);
  });

  test('everybody, or everybody but one', async () => {
    const [one, other] = [await listener.open('but-one'), await listener.open('but-other')];
    expect(await publisher.broadcast({ data: 1 })).toBe(2);
    expect(await publisher.broadcast({ data: 2 }, 'but-one')).toBe(1);
    expect(await publisher.broadcast({ data: 3 }, null)).toBe(2);
    expect((await listener.eventsOf(one)).map(({ data }) => data)).toEqual(['1', '3']);
    expect((await listener.eventsOf(other)).map(({ data }) => data)).toEqual(['1', '2', '3']);
  });

  test('a list, in its order, with a receipt for each', async () => {
    const client = await listener.open('list', 'ada');
    const receipts = await publisher.publish([
      { userId: 'ada', event: { event: 'first', data: 1 } },
      { clientId: 'nobody', event: { data: 2 } },
      { broadcast: true, excludeClientId: 'somebody', event: { event: 'third', data: 3 } },
      { broadcast: true, event: { data: 4, coalesceKey: 'key' } },
    ]);
    const events = await listener.eventsOf(client);
    expect(events.map(({ event, data }) => [event, data])).toEqual([
      ['first', '1'],
      ['third', '3'],
      [undefined, '4'],
    ]);
    const [first, third, fourth] = events;
    expect(receipts).toEqual([
      { clients: 1, id: first?.id },
      { clients: 0, id: null },
      { clients: 1, id: third?.id },
      { clients: 1, id: fourth?.id },
    ]);
    expect(await publisher.publish([])).toEqual([]);
  });

  test('its receivers with data as of the call', async () => {
    const client = await listener.open('data');
    const data = { date: new Date(0), text: 'a\r\n\u2028b', nothing: undefined, deep: [{ toJSON: () => 'own' }] };
    const sent = publisher.broadcast({ data });
    data.text = 'changed';
    await sent;
    await publisher.broadcast({ data: undefined });
    expect((await listener.eventsOf(client)).map((event) => JSON.parse(event.data))).toEqual([
      { date: '1970-01-01T00:00:00.000Z', text: 'a\r\n\u2028b', deep: ['own'] },
      null,
    ]);
  });

  test('its receivers once for each key', async () => {
    const client = await listener.open('webhook');
    const publications = [{ clientId: 'webhook', event: { data: 'paid' } }];
    const first = await publisher.publish(publications, { idempotencyKey: 'payment-7' });
    expect(await publisher.publish(publications, { idempotencyKey: 'payment-7' })).toEqual(first);
    expect(await listener.eventsOf(client)).toHaveLength(1);
  });
});

describe('an invalid call is refused before anything is sent', () => {
  const unreached = (): Promise<Response> => Promise.reject(new Error('it was sent'));

  test.each([
    ['sendToUser', 'null, { data: 1 }'],
    ['sendToUser', 'NaN, { data: 1 }'],
    ['sendToUser', '"\\ud800", { data: 1 }'],
    ['sendToUser', '"ada", null'],
    ['sendToUser', '"ada", { event: 7, data: 1 }'],
    ['sendToUser', '"ada", { data: 1n }'],
    ['sendToUser', '"ada", { data: (() => { const circle = {}; circle.self = circle; return circle; })() }'],
    ['sendToUser', '"ada", { data: () => 1 }'],
    ['sendToUser', '"ada", { get data() { throw new RangeError("of a getter") } }'],
    ['sendToClient', '7, { data: 1 }'],
    ['broadcast', '{ data: 1, id: 7 }'],
    ['broadcast', '{ data: 1, retry: -1 }'],
    ['broadcast', '{ data: 1, coalesceKey: 7 }'],
    ['broadcast', '{ data: 1 }, 7'],
  ])('%s(%s), with the message of the service', async (method, args) => {
    const here = createPublisher({ url: listener.url, token: TOKEN, fetch: unreached });
    const call = new Function('sender', `return sender.${method}(${args})`);
    const { name, code, message } = await rejection(call(here));
    const service = await listener.server.thrownBy(
      ({ sse, compile }, source) => compile(source)(sse),
      `(sender) => sender.${method}(${args})`,
    );
    expect({ class: name, code, message }).toEqual({ ...service, stack: undefined });
  });

  test.each([
    [
      [{ event: { data: 1 } }],
      'publications[0]: got no audience, wants exactly one of userId, clientId, channel and broadcast: true',
    ],
    [[{ userId: 'a', clientId: 'b', event: { data: 1 } }], 'publications[0]: got userId and clientId'],
    [[{ broadcast: false, event: { data: 1 } }], 'publications[0].broadcast: got false, wants true'],
    [
      [{ userId: 'a', excludeClientId: 'b', event: { data: 1 } }],
      'publications[0].excludeClientId: got it with userId',
    ],
    [[{ userID: 'a', event: { data: 1 } }], 'publications[0].userID: no such option; known are userId'],
    [[{ userId: 'a', event: { data: 1 } }, { userId: 'a' }], 'publications[1].event: got undefined'],
    [[null], 'publications[0]: got null'],
    [{ userId: 'a', event: { data: 1 } }, 'publications: got an object, wants an array'],
  ])('a list of %j', async (publications, says) => {
    const error = await rejection(publisher.publish(publications as never));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' });
    expect(error.message).toContain(says);
  });

  test('a key that no header carries', async () => {
    const sent = publisher.publish([{ userId: 'a', event: { data: 1 } }], { idempotencyKey: 'a\nb' });
    expect((await rejection(sent)).message).toMatch(/^options\.idempotencyKey: got "a\\nb"/);
  });
});

describe('a refusal of the listener is a PublishError without a retry', () => {
  test.each<[string, SSEEvent, number, RegExp]>([
    [
      'an event name of ssekit’s own',
      { event: 'ssekit:ready', data: 1 },
      400,
      /400: event\.event: .*reserved for ssekit/,
    ],
    ['a line end in an id', { id: 'a\nb', data: 1 }, 400, /400: event\.id: /],
    ['an event over the limit', { data: 'x'.repeat(1_100_000) }, 413, /413: /],
  ])('%s', async (_, event, status, says) => {
    const error = await rejection(publisher.broadcast(event));
    expect(error).toBeInstanceOf(PublishError);
    expect(error).toMatchObject({ name: 'PublishError', code: 'ERR_SSEKIT_PUBLISH', status, attempts: 1 });
    expect(error.message).toMatch(says);
    expect(error.message).toMatch(new RegExp(`^127\\.0\\.0\\.1:${listener.port}: refused`));
  });

  test('for a whole list, naming the refused item', async () => {
    const client = await listener.open('none');
    const error = await rejection(
      publisher.publish([
        { clientId: 'none', event: { data: 1 } },
        { clientId: 'none', event: { event: 'a\nb', data: 2 } },
      ]),
    );
    expect(error.status).toBe(400);
    expect(error.message).toContain('[1].event.event: ');
    expect(await listener.eventsOf(client)).toEqual([]);
  });

  test('for a wrong token, which no message shows', async () => {
    const wrong = createPublisher({ url: listener.url, token: 'a-token-of-somebody-else-altogether' });
    const error = await rejection(wrong.broadcast({ data: 1 }));
    expect(error).toMatchObject({ status: 401, attempts: 1 });
    expect(inspect([error, wrong], { depth: 9, showHidden: true })).not.toContain('somebody-else');
  });

  test('for a key of another publication', async () => {
    const of = (data: number) => [{ userId: 'a', event: { data } }];
    await publisher.publish(of(1), { idempotencyKey: 'used' });
    expect((await rejection(publisher.publish(of(2), { idempotencyKey: 'used' }))).status).toBe(422);
  });
});

describe('options', () => {
  test.each([
    [{ token: TOKEN }, 'options.url: got undefined, wants an http or https URL'],
    [{ url: 'ftp://a', token: TOKEN }, 'options.url: got text that is not such a URL'],
    [{ url: 'secret', token: 'http://a' }, 'options.url: got text that is not such a URL'],
    [{ url: 7, token: TOKEN }, 'options.url: got 7'],
    [{ url: 'http://user:secret@a', token: TOKEN }, 'options.url: got http://…@a'],
    [{ url: 'http://a' }, 'options.token: got none, wants printable ASCII characters without spaces'],
    [{ url: 'http://a', token: 'sec\nret' }, 'options.token: got a string with other characters'],
    [{ url: 'http://a', token: TOKEN, fetch: 7 }, 'options.fetch: got 7'],
    [{ url: 'http://a', token: TOKEN, timeoutMs: '7' }, 'options.timeoutMs: got "7"'],
    [{ url: 'http://a', token: TOKEN, timeoutMs: 0 }, 'options.timeoutMs: got 0, wants an integer from 1 to 60,000'],
    [{ url: 'http://a', token: TOKEN, retries: 1.5 }, 'options.retries: got 1.5, wants an integer from 0 to 5'],
    [{ url: 'http://a', token: TOKEN, tokn: 'secret' }, 'options.tokn: no such option; known are url'],
    [null, 'options: got null'],
  ])('%j throws', (options, says) => {
    const create = (): unknown => createPublisher(options as never);
    expect(create).toThrow(says);
    expect(create).not.toThrow('secret');
  });

  test('a URL without a path means /publish', async () => {
    const asked: string[] = [];
    const note = (url: string, init: RequestInit): Promise<Response> => {
      asked.push(url);
      return fetch(listener.url + new URL(url).pathname, init);
    };
    for (const url of ['http://a', new URL('http://a/?b=c')]) {
      await createPublisher({ url, token: TOKEN, fetch: note }).broadcast({ data: 1 });
    }
    const elsewhere = createPublisher({ url: 'http://a/other', token: TOKEN, fetch: note });
    expect((await rejection(elsewhere.broadcast({ data: 1 }))).status).toBe(404);
    expect(asked).toEqual(['http://a/publish', 'http://a/publish?b=c', 'http://a/other']);
  });

  test('the environment fills in URL and token', async () => {
    const other = await Evaluator.start();
    const send = ({ require, state }: { require: NodeJS.Require; state: Record<string, string> }) => {
      process.env.SSEKIT_PUBLISH_URL = state.url;
      process.env.SSEKIT_PUBLISH_TOKEN = state.token;
      return require('ssekit/publish').createPublisher().broadcast({ data: 1 });
    };
    await other.evaluate(
      ({ state }, url, token) => {
        Object.assign(state, { url, token });
      },
      listener.url,
      TOKEN,
    );
    const client = await listener.open('environment');
    expect(await other.evaluate(send)).toBe(1);
    expect(await listener.eventsOf(client)).toHaveLength(1);
  });

  test('a given fetch is called as a function', async () => {
    const receivers: unknown[] = [];
    const own = function (this: unknown, url: string, init: RequestInit): Promise<Response> {
      receivers.push(this);
      return fetch(url, init);
    };
    await createPublisher({ url: listener.url, token: TOKEN, fetch: own }).broadcast({ data: 1 });
    expect(receivers).toEqual([undefined]);
  });

  test('a replaced global fetch is used', async () => {
    const first = globalThis.fetch;
    let calls = 0;
    globalThis.fetch = (...given) => {
      calls++;
      return first(...given);
    };
    try {
      await publisher.broadcast({ data: 1 });
    } finally {
      globalThis.fetch = first;
    }
    expect(calls).toBe(1);
  });
});

test('an unreachable listener is named by the error', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const error = await rejection(createPublisher({ url, token: TOKEN, retries: 0 }).broadcast({ data: 1 }));
  expect(error).toMatchObject({ code: 'ERR_SSEKIT_PUBLISH', status: null, attempts: 1 });
  expect(error.message).toBe(`${new URL(url).host}: ECONNREFUSED`);
});
