/** `ssekit/publish` sends to channels, at a real listener. */
import { createPublisher, PublishError, type Publisher } from 'ssekit/publish';
import { stopEvaluators } from './support/evaluator';
import { type PublishingServer, startPublishing, TOKEN } from './support/publishing';
import { closeClients } from './support/raw-client';

const UTF8_257 = `x${'é'.repeat(128)}`;

let listener: PublishingServer;
let publisher: Publisher;

beforeAll(async () => {
  listener = await startPublishing();
  publisher = createPublisher({ url: listener.url, token: TOKEN });
});
afterEach(closeClients);
afterAll(stopEvaluators);

/** A publisher that notes the bodies of its requests. */
function noting(): { noted: Publisher; bodies: unknown[] } {
  const bodies: unknown[] = [];
  const note = (url: string, init: RequestInit): Promise<Response> => {
    bodies.push(JSON.parse(String(init.body)));
    return fetch(url, init);
  };
  return { noted: createPublisher({ url: listener.url, token: TOKEN, fetch: note }), bodies };
}

test('one request names the channel and carries the event', async () => {
  const { noted, bodies } = noting();
  const event = { event: 'e', data: { a: 1 }, id: 'mine', retry: 7, coalesceKey: 'k' };
  expect(await noted.sendToChannel('order:42', event)).toBe(0);
  expect(bodies).toEqual([{ channel: 'order:42', event }]);
});

test('a list has a receipt for each channel', async () => {
  const client = await listener.open('list', 'ada');
  const { noted, bodies } = noting();
  const receipts = await noted.publish([
    { channel: 'a', event: { data: 1 } },
    { userId: 'ada', event: { data: 2 } },
    { channel: '__proto__', event: { data: 3, id: 'mine' } },
  ]);
  expect(bodies).toMatchObject([[{ channel: 'a' }, { userId: 'ada' }, { channel: '__proto__' }]]);
  const [event] = await listener.eventsOf(client);
  expect(receipts).toEqual([
    { clients: 0, id: expect.stringMatching(/^\w+\.\d+$/) },
    { clients: 1, id: event?.id },
    { clients: 0, id: 'mine' },
  ]);
});

test.each(['x', '__proto__', '42'])('channel %j is no user and no client of that name', async (name) => {
  const [client, ofUser] = [await listener.open(name, 'somebody'), await listener.open(`tab of ${name}`, name)];
  expect(await publisher.sendToChannel(name, { data: 1 })).toBe(0);
  expect(await listener.eventsOf(client)).toEqual([]);
  expect(await listener.eventsOf(ofUser)).toEqual([]);
});

test.each([['x'.repeat(256)], ['é'.repeat(128)], ['😀'.repeat(64)], [' ']])('channel %j is valid', async (name) => {
  expect(await publisher.sendToChannel(name, { data: 1 })).toBe(0);
});

test.each([
  ['', 'channel: got an empty string, wants 1 to 256 bytes'],
  ['x'.repeat(257), 'channel: got 257 bytes, wants 1 to 256'],
  [UTF8_257, 'channel: got 257 bytes, wants 1 to 256'],
  ['a\nb', 'channel: got the control character U+000A, wants a name without control characters'],
  ['a\0', 'channel: got the control character U+0000, wants a name without control characters'],
  ['\x7f', 'channel: got the control character U+007F, wants a name without control characters'],
  ['\x85', 'channel: got the control character U+0085, wants a name without control characters'],
])('the listener refuses channel %j', async (name, says) => {
  const refused = publisher.sendToChannel(name, { data: 1 });
  await expect(refused).rejects.toBeInstanceOf(PublishError);
  await expect(refused).rejects.toMatchObject({
    status: 400,
    attempts: 1,
    message: expect.stringContaining(`refused with 400: ${says}`),
  });
});

describe('an invalid argument is refused before anything is sent:', () => {
  const unreached = (): Promise<Response> => Promise.reject(new Error('it was sent'));
  const here = (): Publisher => createPublisher({ url: listener.url, token: TOKEN, fetch: unreached });
  const wants = 'wants a string of 1 to 256 bytes without control characters';

  test.each([
    [undefined, `channel: got undefined, ${wants}`],
    [null, `channel: got null, ${wants}`],
    [42, `channel: got 42, ${wants}`],
    [true, `channel: got true, ${wants}`],
    [['a'], `channel: got an array, ${wants}`],
    [{ toString: () => 'a' }, `channel: got an object, ${wants}`],
    ['\ud800', `channel: got "\\ud800", ${wants}; it has half of a surrogate pair`],
    ['x'.repeat(5_000), `channel: got a string of 5,000 characters, ${wants}`],
  ])('channel %j', async (channel, message) => {
    const refusal = { name: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT', message };
    await expect(here().sendToChannel(channel as string, { data: 1 })).rejects.toMatchObject(refusal);
  });

  test.each([
    [[{ channel: 42, event: { data: 1 } }], 'publications[0].channel: got 42'],
    [[{ channel: null, event: { data: 1 } }], 'publications[0].channel: got null'],
    [
      [
        { channel: 'a', event: { data: 1 } },
        { channel: '\ud800', event: { data: 1 } },
      ],
      'publications[1].channel: got "\\ud800"',
    ],
    [
      [{ channel: 'a', userId: 'a', event: { data: 1 } }],
      'publications[0]: got userId and channel, wants exactly one of userId, clientId, channel and broadcast: true',
    ],
    [[{ channel: 'a', clientId: 'a', event: { data: 1 } }], 'publications[0]: got clientId and channel'],
    [[{ channel: 'a', broadcast: true, event: { data: 1 } }], 'publications[0]: got channel and broadcast'],
    [
      [{ channel: 'a', excludeClientId: 'b', event: { data: 1 } }],
      'publications[0].excludeClientId: got it with channel',
    ],
    [[{ channels: ['a'], event: { data: 1 } }], 'publications[0].channels: no such option; known are userId'],
    [[JSON.parse('{"__proto__":"a","event":{"data":1}}')], 'publications[0].__proto__: no such option'],
  ])('a list of %j', async (publications, says) => {
    await expect(here().publish(publications as never)).rejects.toMatchObject({
      name: 'TypeError',
      code: 'ERR_SSEKIT_ARGUMENT',
      message: expect.stringContaining(says),
    });
  });

  test('an event that cannot be used', async () => {
    const refused = here().sendToChannel('a', { data: 1n });
    await expect(refused).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(/^event\.data: /),
    });
  });
});
