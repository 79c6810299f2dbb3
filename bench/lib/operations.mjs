/**
 * The operations that the benchmark asks of a server. They run beside the server, in its process, and call nothing but the
 * server's own functions: see `Server`.
 *
 * @typedef {object} Server What a contender's `serve()` returns.
 * @property {number} port
 * @property {string} path `{i}` in it is the number of the client.
 * @property {(event: { event: string, data: object }) => unknown} broadcast
 * @property {() => number} clients How many are connected.
 * @property {(userId: string, event: { event: string, data: object }) => unknown} [sendToUser]
 * @property {(channel: string, event: { event: string, data: object }) => unknown} [sendToChannel] A client's path names its
 *   channels.
 * @property {() => Promise<void>} [flush]
 * @property {() => string} [lastEventId] With it a client resumes from here.
 */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { answer } from './answer.mjs';

/** Processes the commands of the process that started this one, and ends with it. */
export function processCommands(server) {
  let delays;
  let since;
  const operations = {
    broadcast: ({ channel, ...how }) =>
      send({ ...how, to: (event) => (channel ? server.sendToChannel(channel, event) : server.broadcast(event)) }),
    fill: (how) => fill(server, how),
    mixed: (how) => mixed(server, how),
    clients: () => server.clients(),
    lastEventId: () => server.lastEventId(),
    flush: () => server.flush?.(),
    rest,
    cost: (how) => cost(server, how),
    watchLoop() {
      delays = monitorEventLoopDelay({ resolution: 1 });
      delays.enable();
    },
    watchUtilization() {
      since = performance.eventLoopUtilization();
    },
    /** The part of the time since then in which the event loop did anything. */
    utilization: () => performance.eventLoopUtilization(since).utilization,
    /** Milliseconds by which a timer of one millisecond came late, at most. */
    longestStall() {
      delays.disable();
      return Math.max(0, delays.max / 1e6 - 1);
    },
  };
  answer(operations);
  process.send({ port: server.port, path: server.path });
}

/** Sends `count` events, one every `intervalMs`; with 0 as fast as it can, but so that the event loop turns in between. */
export async function send({ first, count, intervalMs, bytes, to }) {
  const make = maker(bytes);
  const calls = [];
  const from = now();
  for (let number = 0; number < count; number += 1) {
    const wait = from / 1e6 + number * intervalMs - now() / 1e6;
    if (intervalMs > 0) await delay(Math.max(0, wait));
    else await nextTurn();
    const event = make(first + number);
    const answer = to(event, number);
    calls.push(now() - event.data.at);
    // A broker of its own has an answer to wait for.
    await answer;
  }
  calls.sort((a, b) => a - b);
  return { from, to: now(), call: { median: calls[calls.length >> 1], longest: calls.at(-1) } };
}

/** Sends events to users who are not here, and waits until they are where they stay. */
async function fill(server, { count, bytes }) {
  const event = { event: 'stored', data: { pad: 'x'.repeat(bytes) } };
  for (let number = 0; number < count; number += 1) server.sendToUser(`user-${number % 1_000}`, event);
  await server.flush();
}

/**
 * Events for single users, with or without a broadcast under way. Each round begins with the broadcast, if there is to be one,
 * and the events follow while it is being written.
 */
async function mixed(server, { first, rounds, perRound, apartMs, restMs, bytes, clients, broadcasts }) {
  const make = maker(bytes);
  for (let round = 0; round < rounds; round += 1) {
    if (broadcasts) server.broadcast(make(first + round));
    for (let number = 0; number < perRound; number += 1) {
      await delay(apartMs);
      const turn = round * perRound + number;
      // Far apart from each other, in an order that has nothing to do with that of their arrival.
      server.sendToUser(String((turn * 7919) % clients), make(TARGETED + turn));
    }
    await delay(restMs);
  }
}

/** Events from this number on are for single clients: see load/src/fleet.rs. */
const TARGETED = 1_000_000_000;

export function now() {
  return Number(process.hrtime.bigint());
}

/** Makes events whose data is `bytes` bytes of JSON. The client knows them by the beginning of the data. */
export function maker(bytes) {
  const pads = new Map();
  return (seq) => {
    const data = { seq, at: now(), pad: '' };
    const missing = bytes - JSON.stringify(data).length;
    if (!pads.has(missing)) pads.set(missing, 'x'.repeat(Math.max(0, missing)));
    data.pad = pads.get(missing);
    return { event: 'tick', data };
  };
}

/**
 * Collects garbage, and waits until V8 has given back the room that objects were made in: it does so after some ten seconds
 * without work. Until then that room, of 32 MiB or more, looks as if the clients took it.
 */
async function rest() {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  for (let tenths = 0; tenths < 250 && (tenths < 3 || freeHeap() > 4 << 20); tenths += 1) {
    if (tenths < 3 || tenths % 60 === 0) gc();
    await delay(100);
  }
}

function freeHeap() {
  const { heapTotal, heapUsed } = process.memoryUsage();
  return heapTotal - heapUsed;
}

/**
 * Nanoseconds of one call of `sendToUser`, and of `JSON.stringify` of its data: processor time of this thread, for while it
 * sends, those who write want the processor as well. Medians over rounds in which both have a turn, each long enough that the
 * scheduler's count, which is up to date once in a few milliseconds, does for it.
 */
async function cost(server, { bytes, user }) {
  const event = { event: 'order', data: records(bytes) };
  const rounds = { stringify: [], send: [] };
  for (let round = 0; round < 8; round += 1) {
    rounds.stringify.push(nanoseconds(() => JSON.stringify(event.data)));
    rounds.send.push(nanoseconds(() => server.sendToUser(user, event)));
    await server.flush();
    await nextTurn();
  }
  // The first one found cold code.
  const median = (values) => values.slice(1).sort((a, b) => a - b)[3];
  return { stringify: median(rounds.stringify), send: median(rounds.send) };
}

/** About `bytes` bytes of JSON, of the kind that an application sends. */
function records(bytes) {
  const record = (id) => ({
    id,
    title: `Order ${id} is on its way`,
    paid: id % 2 === 0,
    amount: 19.99,
    tags: ['a', 'b'],
  });
  const data = { at: '2026-01-01T00:00:00.000Z', orders: [] };
  if (bytes < 100) return { at: data.at };
  while (JSON.stringify(data).length < bytes - 50) data.orders.push(record(1000 + data.orders.length));
  return data;
}

const TURN_MS = 100;

function nanoseconds(call) {
  const end = performance.now() + TURN_MS;
  const from = processorTime();
  let calls = 0;
  while (performance.now() < end) {
    for (let i = 0; i < 10; i += 1) call();
    calls += 10;
  }
  return (processorTime() - from) / calls;
}

/** The time of this process's main thread, by the scheduler. */
function processorTime() {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ', 1)[0]);
}
