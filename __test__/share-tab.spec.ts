/** The worker's side of a tab that takes its bytes slowly, or not at all. */
import type { Heard, Told } from '../ts/client/worker/messages';
import { Tab, type TabListener } from '../ts/client/worker/tab';
import { until } from './support/until';

/** A new tab, with its page's port. */
function connect(): { page: MessagePort; tab: Tab; heard: Heard[]; calls: string[] } {
  const { port1: page, port2 } = new MessageChannel();
  const calls: string[] = [];
  const heard: Heard[] = [];
  const note = (call: keyof TabListener) => () => void calls.push(call);
  const tab = new Tab(1, port2, {
    open: note('open'),
    joined: note('joined'),
    alone: note('alone'),
    left: note('left'),
  });
  page.addEventListener('message', ({ data }) => heard.push(data));
  page.start();
  ports.push(page);
  return { page, tab, heard, calls };
}

const ports: MessagePort[] = [];

afterEach(() => {
  jest.restoreAllMocks();
  for (const port of ports.splice(0)) port.close();
});

const MIB = 1_024 * 1_024;

test('a tab that takes its bytes gets any number of them', async () => {
  const { page, tab, heard, calls } = connect();
  page.addEventListener('message', ({ data }: MessageEvent<Heard>) => {
    if (data.type === 'bytes') page.postMessage({ type: 'seen', bytes: data.bytes.length } satisfies Told);
  });
  for (let number = 1; number <= 40; number += 1) {
    tab.give(new Uint8Array(MIB));
    await until('the bytes', () => heard.filter(({ type }) => type === 'bytes').length === number);
    // The acknowledgement stands before this message in the same queue.
    const before = calls.length;
    page.postMessage({ type: 'joined', key: '' } satisfies Told);
    await until('the answer', () => calls.length > before);
  }
  expect(calls).not.toContain('left');
});

test('a tab that takes none is ended before they fill the memory', async () => {
  const { tab, heard, calls } = connect();
  for (let number = 1; number <= 40; number += 1) if (!tab.signal.aborted) tab.give(new Uint8Array(MIB));
  await until('the end', () => heard.some(({ type }) => type === 'end'));
  expect(heard.filter(({ type }) => type === 'bytes').length).toBe(17);
  expect(calls).toEqual(['left']);
});

test('a tab that has taken nothing for a minute is ended', async () => {
  const { tab, heard } = connect();
  const now = jest.spyOn(performance, 'now');
  now.mockReturnValue(1_000);
  tab.give(new Uint8Array(1));
  now.mockReturnValue(60_000);
  tab.give(new Uint8Array(1));
  now.mockReturnValue(61_001);
  tab.give(new Uint8Array(1));
  await until('the end', () => heard.some(({ type }) => type === 'end'));
  expect(heard.map(({ type }) => type)).toEqual(expect.arrayContaining(['bytes', 'bytes', 'end']));
  expect(tab.signal.aborted).toBe(true);
});

test('a tab that says good-bye is forgotten once', async () => {
  const { page, calls } = connect();
  page.postMessage({
    type: 'open',
    url: '',
    init: { headers: {}, credentials: undefined },
    lock: undefined,
  } satisfies Told);
  page.postMessage({ type: 'leave' } satisfies Told);
  page.postMessage({ type: 'leave' } satisfies Told);
  await until('the end', () => calls.includes('left'));
  expect(calls).toEqual(['open', 'left']);
});

test('a tab that has its own stream hears when the worker knows', async () => {
  const { page, heard, calls } = connect();
  page.postMessage({ type: 'alone' } satisfies Told);
  await until('the end', () => heard.some(({ type }) => type === 'end'));
  expect(calls).toEqual(['alone', 'left']);
});
