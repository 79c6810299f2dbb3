/** The matchers of `ssekit/testing`, and the same as functions: a failed one lists what was sent. */
import type { SSEService as Service } from '../index';
import type { FakeSSE } from '../ts/testing';
import type {} from '../ts/testing/jest';

// The package as it is installed. This adds the matchers, and a reset before each test.
require('../dist/testing/jest.js');
const { SSEService }: { SSEService: typeof Service } = require('../index.js');
const kit: typeof import('../ts/testing') = require('../dist/testing/index.js');

const sse: FakeSSE = kit.fakeSSE();
const service = SSEService.getInstance();
afterAll(() => sse.restore());

const messageOf = (check: () => void): string => {
  try {
    check();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it passed');
};

test('each matcher finds its events, by any part of them', () => {
  const client = sse.connect({ userId: 42, clientId: 'tab', channels: ['order:1'] });
  service.sendToUser(42, { event: 'paid', data: { amount: 5, at: new Date(0) } });
  service.sendToClient('tab', { event: 'hint', data: [1, 2] });
  service.sendToChannel('order:1', { event: 'status', data: 'packed' });
  service.broadcast({ data: null });
  expect(sse).toHaveSentToUser(42);
  expect(sse).toHaveSentToUser('42', 'paid');
  expect(sse).toHaveSentToUser(42, { event: 'paid', data: { amount: 5 } });
  expect(sse).toHaveSentToUser(42, { data: { at: new Date(0) } });
  expect(sse).toHaveSentToUser(42, { data: expect.objectContaining({ amount: expect.any(Number) }) });
  expect(sse).toHaveSentToClient('tab', { event: 'hint', data: [1, 2], receivers: 1 });
  expect(sse).toHaveSentToChannel('order:1', { data: 'packed' });
  expect(sse).toHaveBroadcast({ event: 'message', data: null });
  expect(client).toHaveReceived('paid');
  expect(client).toHaveReceived({ event: 'ssekit:ready', data: { userId: '42' } });
  expect(sse).not.toHaveSentToUser(43);
  expect(sse).not.toHaveSentToUser(42, { data: { amount: 6 } });
  expect(sse).not.toHaveSentToClient('42');
  expect(sse).not.toHaveSentToClient('tab', { data: [1] });
  expect(sse).not.toHaveSentToChannel('tab');
  expect(sse).not.toHaveBroadcast('paid');
  expect(sse).not.toHaveSentNothing();
  expect(client).not.toHaveReceived('nothing');
});

test('before each test, the fake begins anew', () => {
  expect(sse).toHaveSentNothing();
  expect(service.getActiveClients()).toEqual([]);
});

test('a failed matcher lists what was sent', () => {
  service.sendToUser('ada', { event: 'paid', data: { amount: 5 } });
  service.broadcast({ event: 'news', data: 'x' });
  const list =
    'Sent (2):\n  1. paid {"amount":5} to user "ada" (0 connected)\n  2. news "x" to everybody (0 connected)';
  expect(messageOf(() => expect(sse).toHaveSentToUser('ada', { event: 'paid', data: { amount: 6 } }))).toBe(
    `Expected {"event":"paid","data":{"amount":6}} to be sent to user "ada". ${list}`,
  );
  expect(messageOf(() => expect(sse).toHaveSentToClient('tab'))).toBe(
    `Expected an event to be sent to client "tab". ${list}`,
  );
  expect(messageOf(() => expect(sse).toHaveBroadcast('paid'))).toBe(`Expected "paid" to be sent to everybody. ${list}`);
  expect(messageOf(() => expect(sse).not.toHaveSentToUser('ada'))).toBe(
    `Expected an event not to be sent to user "ada". ${list}`,
  );
  expect(messageOf(() => expect(sse).toHaveSentNothing())).toBe(`Expected nothing to be sent. ${list}`);
});

test('a long list is cut', () => {
  for (let n = 1; n <= 40; n += 1) service.broadcast({ event: 'n', data: 'x'.repeat(500) });
  const message = messageOf(() => expect(sse).toHaveSentToUser('ada'));
  expect(message).toContain('Sent (40):\n  … 10 earlier\n  11. n "xxx');
  expect(message.length).toBeLessThan(10_000);
});

test('a client that has not received an event lists those that it has', () => {
  const client = sse.connect({ userId: 'ada' });
  expect(messageOf(() => expect(client).toHaveReceived('paid'))).toBe(
    'Expected the client to have received "paid". It has received nothing.',
  );
  service.sendToUser('ada', { event: 'news', data: 1 });
  expect(messageOf(() => expect(client).toHaveReceived({ event: 'paid' }))).toBe(
    'Expected the client to have received "paid". It has received:\n  1. news 1',
  );
});

test.each([
  ['a service', () => service, 'an object (SSEService)'],
  ['a promise', () => Promise.resolve(), 'an object (Promise)'],
  ['nothing', () => undefined, 'undefined'],
  ['the function', () => kit.fakeSSE, 'a function (fakeSSE)'],
])('a matcher that is given %s says how to make a fake', (_, value, got) => {
  expect(messageOf(() => expect(value()).toHaveSentToUser('ada'))).toBe(
    `toHaveSentToUser: got ${got}, wants the fake that a test makes by \`const sse = fakeSSE()\` (ssekit/testing), as in \`expect(sse).toHaveSentToUser(…)\``,
  );
  expect(messageOf(() => expect(value()).not.toHaveReceived())).toContain(`toHaveReceived: got ${got}, wants a client`);
});

test('the functions throw an AssertionError with the same message', () => {
  const client = sse.connect({ userId: 'ada', clientId: 'tab', channels: ['c'] });
  kit.assertSentNothing(sse);
  service.sendToUser('ada', { event: 'a', data: 1 });
  service.sendToClient('tab', { event: 'b', data: 1 });
  service.sendToChannel('c', { event: 'c', data: 1 });
  service.broadcast({ event: 'd', data: 1 });
  kit.assertSentToUser(sse, 'ada', 'a');
  kit.assertSentToClient(sse, 'tab', 'b');
  kit.assertSentToChannel(sse, 'c', 'c');
  kit.assertBroadcast(sse, 'd');
  kit.assertReceived(client, 'c');
  for (const fails of [
    () => kit.assertSentToUser(sse, 'bob'),
    () => kit.assertSentToClient(sse, 'ada'),
    () => kit.assertSentToChannel(sse, 'd'),
    () => kit.assertBroadcast(sse, 'a'),
    () => kit.assertSentNothing(sse),
    () => kit.assertReceived(client, 'z'),
  ]) {
    expect(fails).toThrow(expect.objectContaining({ code: 'ERR_ASSERTION' }));
    expect(fails).toThrow('1. ');
  }
});
