/** The sections of the page that measure ssekit alone, by carrier. A section that was not measured is empty. */
import { cost, figure, ratio, stall } from './figures.mjs';
import { TITLES } from './histories.mjs';
import { CHANNEL, GROWTH, SIZES, STORED } from './plan.mjs';
import { table } from './table.mjs';

export function ofHandoff(figures) {
  return [
    afterDeploy,
    otherRequests,
    callCosts,
    byClients,
    bySize,
    byThreads,
    oneUser,
    aChannel,
    anInspector,
    historyCosts,
    startOnFolder,
    idle,
  ]
    .flatMap((section) => section(figures))
    .join('\n');
}

export function ofListener(figures) {
  return [eventLoop, stormOfReconnects].flatMap((section) => section(figures)).join('\n');
}

/** Who is compared when pages come back. */
const RETURNING = {
  'ssekit-resume': '**ssekit in Next.js, early resume**',
  'ssekit-next': '**ssekit in Next.js**',
  'next-stream': 'a route of Next.js by hand',
  'better-sse': 'better-sse, without Next.js',
};

function afterDeploy(figures) {
  if (!figures.has('come-back')) return [];
  const rows = Object.entries(RETURNING).map(([name, title]) => {
    const of = (value) => cost(figures.of('come-back', name, value));
    return [title, ...['processor', 'seconds', 'restP99', 'p99', 'longest', 'stall'].map(of)];
  });
  const heads = [
    'ms of processor time each',
    'until all are there, s',
    'p99 of other requests before, ms',
    'meanwhile',
    'longest',
  ];
  return [
    '## After a deploy\n',
    `${figures.clients('come-back')} pages that were connected before come back at once, with their cookies. Processor time of the server's process, \
which has all of Node's own part. Other requests come one after the other, in a storm of their own.\n`,
    table(['', ...heads, 'event loop held, ms'], rows),
  ];
}

function otherRequests(figures) {
  if (!figures.has('other-requests')) return [];
  const of = (value) => figures.of('other-requests', 'ssekit-handoff', value);
  return [
    '## Requests that are no streams\n',
    `${cost(of('with'))} µs of processor time per request to a server of \`node:http\` that has ssekit, ${cost(of('without'))} µs to one without, in turns: \
${ratio(of('ratio')?.median)} times as much.\n`,
  ];
}

function callCosts(figures) {
  if (!figures.has('call-few')) return [];
  const rows = SIZES.map((bytes) => [
    `${bytes}`,
    ...['call-few', 'call-many'].flatMap((row) => {
      const [stringify, send] = ['stringify', 'send'].map((what) => figures.nested(row, 'ssekit-handoff', bytes, what));
      return [figure(stringify / 1000), figure(send / 1000), ratio(send / stringify)];
    }),
  ]);
  const heads = ['call-few', 'call-many'].flatMap((row) => [
    'JSON.stringify, µs',
    `sendToUser with ${figures.clients(row)} clients, µs`,
    'ratio',
  ]);
  return ['## What a call costs its caller\n', table(['bytes', ...heads], rows)];
}

function byClients(figures) {
  if (!figures.has(GROWTH[0])) return [];
  const costOf = (row, name) => cost(figures.of(row, name, 'processorPerDelivery'));
  const toNobody = (row, name) => figure(figures.of(row, name, 'processorPerEvent')?.median);
  const rows = GROWTH.filter((row) => figures.has(row)).map((row) => [
    figures.clients(row),
    costOf(row, 'floor'),
    costOf(row, 'ssekit-handoff'),
    ratio(figures.againstFloor(row, 'ssekit-handoff')),
    ratio(figures.deliveryAgainstFloor(row, 'ssekit-handoff')),
    costOf(row, 'node-http'),
    ['floor', 'ssekit-handoff', 'node-http'].map((name) => toNobody(row, name)).join(' · '),
  ]);
  return [
    '## By number of clients\n',
    `µs per delivery, 50,000 deliveries a second. What grows in the bare loop is the kernel's part: the state of more sockets than
the caches hold. An event has a cost of its own beside that of its deliveries, for Node is woken, makes it and calls: the last
column has it, of events at the same pace that go to nobody, and "the delivery alone" is the ratio without it, on both sides.
`,
    table(
      [
        'clients',
        'floor',
        '**ssekit, handoff**',
        'of the floor',
        'the delivery alone, of the floor',
        'node:http by hand',
        'an event to nobody, µs: floor · handoff · node:http',
      ],
      rows,
    ),
  ];
}

function bySize(figures) {
  if (!figures.has(`size-${SIZES[0]}`)) return [];
  const names = ['floor', 'ssekit-handoff', 'node-http'];
  const rows = SIZES.map((bytes) => [
    `${bytes}`,
    ...names.map((name) => cost(figures.of(`size-${bytes}`, name, 'processorPerDelivery'))),
  ]);
  return [
    '## By size of the event\n',
    `µs per delivery, ${figures.clients(`size-${SIZES[0]}`)} clients.\n`,
    table(['bytes of data', 'floor', '**ssekit, handoff**', 'node:http by hand'], rows),
  ];
}

function byThreads(figures) {
  if (!figures.has('threads-1')) return [];
  const of = (row, value) => figures.of(row, 'ssekit-handoff', value);
  const rows = [1, 2, 4].map((threads) => [
    `${threads}`,
    cost(of(`threads-${threads}`, 'processorPerDelivery')),
    figure((of(`threads-${threads}`, 'p99')?.median ?? Number.NaN) / 1000),
    cost(of(`threads-${threads}`, 'longestCall'), 1000),
    stall(figures, 'ssekit-handoff', `threads-${threads}`) ?? '–',
    cost(of(`threads-${threads}-unpaced`, 'perSecond'), 1000),
  ]);
  return [
    '## By threads\n',
    table(
      [
        'threads',
        'µs per delivery',
        'p99, ms',
        'longest call, ms',
        'event loop held, ms (idle)',
        'deliveries/s unpaced, thousands',
      ],
      rows,
    ),
  ];
}

function oneUser(figures) {
  if (!figures.has('fairness')) return [];
  const of = (row, value) => figures.of(row, 'ssekit-handoff', value);
  const ms = (value) => figure((of('fairness', value)?.median ?? Number.NaN) / 1000);
  return [
    '## An event for one user\n',
    `From the call to the client, ${figures.clients('fairness')} clients connected: p50 ${ms('aloneP50')} ms, p99 ${ms('aloneP99')} ms; while a broadcast to all \
of them is being written: p50 ${ms('duringP50')} ms, p99 ${ms('duringP99')} ms.\n`,
  ];
}

function aChannel(figures) {
  if (!figures.has('channel')) return [];
  const of = (row, value) => figures.of(row, 'ssekit-handoff', value);
  const { clients, members } = CHANNEL;
  return [
    '## A channel\n',
    `${cost(of('channel', 'processorPerDelivery'))} µs per delivery when a channel's events go to ${members.toLocaleString('en')} of \
${clients.toLocaleString('en')} clients, ${cost(of('channel', 'ofBroadcasts'))} µs when broadcasts go to ${members.toLocaleString('en')} clients in all, in turns: \
${ratio(of('channel', 'ratio')?.median)} times as much.\n`,
  ];
}

function anInspector(figures) {
  if (!figures.has('inspector')) return [];
  const of = (value) => figures.of('inspector', 'ssekit-handoff', value);
  return [
    '## The inspector\n',
    `${cost(of('processorPerDelivery'))} µs per delivery to ${figures.clients('inspector')} clients while an inspector is open, ${cost(of('alone'))} µs without, in \
turns: ${ratio(of('ratio')?.median)} times as much.\n`,
  ];
}

function historyCosts(figures) {
  if (!figures.has('histories')) return [];
  const clients = figures.clients('histories');
  const rows = Object.entries(TITLES).flatMap(([name, title]) => {
    const value = (inner, unit = 1) => figure(figures.nested('histories', 'ssekit-handoff', name, inner) / unit);
    return value('call') === '–'
      ? []
      : [[title, value('call'), value('p50', 1000), value('p99', 1000), value('perSecond')]];
  });
  return [
    '## What it costs to keep the history\n',
    `${clients} clients. Processor time of one call of \`sendToUser\` with 150 bytes; single events from the call to the client; broadcasts one \
after the other, until the last client has the last one.\n`,
    table(['the history is', 'the call, µs', 'p50, ms', 'p99, ms', 'broadcasts/s in a burst'], rows),
  ];
}

function startOnFolder(figures) {
  if (!figures.has('restart')) return [];
  const value = (events, inner, unit) => figure(figures.nested('restart', 'ssekit-handoff', events, inner) / unit);
  const rows = STORED.map((events) => [
    events.toLocaleString('en'),
    value(events, 'seconds', 1),
    value(events, 'memory', 2 ** 20),
  ]);
  return [
    '## A start on a folder\n',
    'From the start of the process until a client that comes back has the 10 events that it missed, and what the process takes then.\n',
    table(['events in the folder', 's', 'memory, MiB'], rows),
  ];
}

function idle(figures) {
  if (!figures.has('idle')) return [];
  const of = (row, value) => figures.of(row, 'ssekit-handoff', value);
  const percent = (value) => figure((of('idle', value)?.median ?? Number.NaN) * 100);
  return [
    '## Idle\n',
    `${figures.clients('idle')} clients that get only heartbeats take ${percent('withClients')} % of one core; the same process without them \
${percent('without')} %.\n`,
  ];
}

function eventLoop(figures) {
  if (!figures.has('event-loop')) return [];
  const of = (row, value) => figures.of(row, 'ssekit-listener', value);
  const percent = (value) => figure((of('event-loop', value)?.median ?? Number.NaN) * 100);
  const seconds = figure(of('event-loop', 'seconds')?.median);
  return [
    '## The event loop of Node.js\n',
    `${figures.clients('event-loop')} clients on the listener get events that another process publishes by \`POST /publish\`, \
${figure(of('event-loop', 'perSecond')?.median)} deliveries a second for ${seconds} s. The event loop is in use \
${percent('utilization')} % of that time, and its thread takes ${percent('thread')} % of one core; of the same process at rest for as long \
${percent('idleUtilization')} % and ${percent('idleThread')} %.\n`,
  ];
}

function stormOfReconnects(figures) {
  if (!figures.has('storm-ratio')) return [];
  const of = (row, value) => figures.of(row, 'ssekit-listener', value);
  const [median, least, most] = ['ratio', 'least', 'most'].map((value) => of('storm-ratio', value)?.median);
  return [
    '## A storm of reconnects\n',
    `${figures.clients('storm-ratio')} clients connect to the listener at once, resume, and have 10 missed events: ${figure(of('storm-ratio', 'seconds')?.median)} s, \
${ratio(median)} times what a bare loop takes that accepts and answers with as many bytes (${ratio(least)}–${ratio(most)}).\n`,
  ];
}
