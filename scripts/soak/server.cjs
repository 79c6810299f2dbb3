'use strict';

/**
 * The process that a soak watches: a server as a user's would be, and a job in it that sends at random. It runs as a user's
 * does, from the built package; its parent tells it what to do over Node's IPC channel.
 */
const { readdirSync } = require('node:fs');
const { createServer } = require('node:http');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const { configure, users, eventsPerSecond } = JSON.parse(process.argv[2]);
const sse = SSEService.configure(configure);

const faults = [];
sse.on('error', (error) => faults.push(error.message));

/** Clients that came last, so that some of what is sent to single clients is for who is there, and some for who has left. */
const recent = [];
sse.on('connect', ({ clientId }) => {
  recent.push(clientId);
  if (recent.length > 200) recent.shift();
});

const server = createServer((req, res) => {
  const query = new URL(req.url, 'http://localhost').searchParams;
  handleSSE(req, res, { userId: query.get('user'), anonymous: true });
});

/** The number of earlier events of the same log that each event names. */
const NAMED_BEFORE = 4;

/**
 * The last event for each audience, as `[position, excluded client]`. Each event names those before it, so that a receiver
 * knows whether it has missed one.
 */
const chains = new Map();

function chainOf(audience) {
  const chain = chains.get(audience) ?? [];
  chains.set(audience, chain);
  return chain;
}

function send(audience, pad, exclude = null) {
  const chain = chainOf(audience);
  const position = sse.stats().position + 1;
  const data = { to: audience.slice(0, 1), at: performance.timeOrigin + performance.now(), before: chain, pad };
  const [kind, id] = [audience.slice(0, 1), audience.slice(2)];
  if (kind === 'a') sse.broadcast({ event: 'soak', data }, exclude);
  if (kind === 'u') sse.sendToUser(id, { event: 'soak', data });
  if (kind === 'c') sse.sendToClient(id, { event: 'soak', data });
  // To a client that nobody knows, nothing is sent.
  if (sse.stats().position === position) {
    chain.push([position, exclude]);
    if (chain.length > NAMED_BEFORE) chain.shift();
    return true;
  }
  chains.delete(audience);
  return false;
}

function pick(list) {
  return list[Math.floor(Math.random() * list.length)];
}

let sent = 0;
function sendOne() {
  const pad = 'x'.repeat(Math.random() < 0.02 ? 20_000 : Math.random() * 200);
  const kind = Math.random();
  if (kind < 0.4) sent += send(`u user-${Math.floor(Math.random() * users)}`, pad);
  else if (kind < 0.8 && recent.length > 0) sent += send(`c ${pick(recent)}`, pad);
  else sent += send('a', pad, excludedNow());
}

/** Somebody or nobody, but nobody twice within the events that the next one names. */
function excludedNow() {
  if (Math.random() < 0.5 || recent.length === 0) return null;
  const candidate = pick(recent);
  return chainOf('a').some(([, excluded]) => excluded === candidate) ? null : candidate;
}

/** Chains of clients that are long gone. */
function forgetChains() {
  const { position } = sse.stats();
  for (const [audience, chain] of chains) {
    if (audience.startsWith('c') && position - (chain.at(-1)?.[0] ?? 0) > 50_000) chains.delete(audience);
  }
}

let job;
function startSending() {
  const [everyMs, started] = [20, Date.now()];
  let done = 0;
  job = setInterval(() => {
    const due = ((Date.now() - started) / 1000) * eventsPerSecond;
    for (; done < due; done += 1) sendOne();
    if (Math.random() < everyMs / 10_000) forgetChains();
  }, everyMs);
}

const commands = {
  start: startSending,
  stop: () => clearInterval(job),
  /** One last event for each of these, which names the ones before it. */
  conclude: (clients) => {
    for (let user = 0; user < users; user += 1) send(`u user-${user}`, 'end');
    for (const client of clients) send(`c ${client}`, 'end');
    send('a', 'end');
    return sse.stats().position;
  },
  /** One event to all, which says when it was sent. */
  broadcast: (bytes) => send('a', 'x'.repeat(bytes)),
  /** Sends one user more than any buffer holds. */
  fill: (user, bytes, events) => {
    for (let event = 0; event < events; event += 1) send(`u ${user}`, 'x'.repeat(bytes));
  },
  disconnect: (client) => sse.disconnectClient(client),
  sample: async () => {
    globalThis.gc?.();
    const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
    const descriptors = readdirSync('/proc/self/fd').length;
    const { rss, heapUsed } = process.memoryUsage();
    return { stats: sse.stats(), sent, faults, connections, descriptors, rss, heapUsed };
  },
};

process.on('message', async ({ id, command, args }) => {
  process.send({ id, result: await commands[command](...args) });
});

// The parent process may die without a word.
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
