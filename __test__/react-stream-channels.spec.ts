/** From where on `ssekit/react` asks for a channel: a component misses nothing since its cursor, and gets nothing twice. */
import type { ClientEvent } from '../ts/client/index';
import { Channels } from '../ts/react/channels';

let gaps: number;
let asked: unknown[];
let channels: Channels;
const client = {
  cursor: 'e.0' as string | undefined,
  subscribe: (channel: string, options?: { since?: string | undefined }): void => {
    asked.push([channel, options?.since]);
  },
  unsubscribe: (channel: string): void => {
    asked.push([channel]);
  },
};

beforeEach(() => {
  jest.useFakeTimers();
  gaps = 0;
  asked = [];
  client.cursor = 'e.0';
  channels = new Channels(() => {
    gaps += 1;
  });
});
afterEach(() => jest.useRealTimers());

function come(event: string, id: string, data: object): void {
  client.cursor = id;
  channels.follow({ event, id, data } as ClientEvent, 'e.0');
}

const subscribed = (id: string): void => come('ssekit:subscribed', id, { channel: 'c' });
const unsubscribed = (id: string): void => come('ssekit:unsubscribed', id, { channel: 'c' });

/** Joins and leaves: what a page does that is left. */
function visited(): void {
  const leave = channels.join('c', 'e.1');
  subscribed('e.2');
  client.cursor = 'e.5';
  leave();
  jest.runAllTimers();
}

test('a connection that is yet to come asks for the channels from where it begins', () => {
  channels.join('c', 'e.3');
  channels.join('other', undefined);
  channels.open(client, 'e.1');
  expect(asked).toEqual([
    ['c', 'e.1'],
    ['other', 'e.1'],
  ]);
});

test('a channel that was left goes on where it ended, as far as the stream has had it', () => {
  channels.open(client, undefined);
  visited();
  channels.join('c', 'e.1');
  expect(asked).toEqual([['c', 'e.1'], ['c'], ['c', 'e.5']]);
});

test('where it ended, the stream knows best', () => {
  channels.open(client, undefined);
  visited();
  unsubscribed('e.7');
  channels.join('c', 'e.1');
  expect(asked.at(-1)).toEqual(['c', 'e.7']);
});

test('a later cursor counts, and so does one of another history', () => {
  for (const since of ['e.9', 'f.1', undefined]) {
    channels.open(client, undefined);
    visited();
    channels.join('c', since)();
    expect(asked.at(-1)).toEqual(['c', since]);
    jest.runAllTimers();
    channels.close();
  }
});

test('a channel that the stream never got begins at the cursor again', () => {
  channels.open(client, undefined);
  const leave = channels.join('c', 'e.1');
  client.cursor = 'e.5';
  leave();
  jest.runAllTimers();
  channels.join('c', 'e.1');
  expect(asked.at(-1)).toEqual(['c', 'e.1']);
});

test('another user, or a reset, begins anew', () => {
  channels.open(client, undefined);
  visited();
  come('ssekit:reset', 'e.8', { reason: 'evicted' });
  channels.join('c', 'e.1');
  expect(asked.at(-1)).toEqual(['c', 'e.1']);
});

describe('a component that comes to a channel of others', () => {
  test('with the same or a later cursor has everything', () => {
    channels.open(client, undefined);
    channels.join('c', 'e.3');
    channels.join('c', 'e.3');
    channels.join('c', undefined);
    subscribed('e.6');
    channels.join('c', 'e.3');
    channels.join('c', 'e.7');
    expect([gaps, asked.length]).toEqual([0, 1]);
  });

  test('with an earlier one, or before the stream has it at all, has a gap', () => {
    channels.open(client, undefined);
    channels.join('c', undefined);
    channels.join('c', 'e.3');
    expect(gaps).toBe(1);
    subscribed('e.6');
    channels.join('c', 'e.3');
    expect(gaps).toBe(2);
    channels.join('c', 'e.6');
    expect(gaps).toBe(2);
  });

  test('whose beginning was lost has a gap', () => {
    channels.open(client, undefined);
    channels.join('c', 'e.1');
    come('ssekit:reset', 'e.4', { channel: 'c', reason: 'evicted' });
    subscribed('e.5');
    channels.join('c', 'e.2');
    expect(gaps).toBe(1);
  });

  test('of the URL has it from the beginning of the connection', () => {
    channels.open(client, undefined);
    channels.join('c', undefined);
    come('ssekit:ready', 'e.9', { channels: ['c'] });
    channels.join('c', 'e.1');
    expect(gaps).toBe(0);
  });
});
