/** The page of results: a Markdown file with tables, and its plots. */
import { cost, Figures, figure, ratio } from './figures.mjs';
import { TITLES } from './histories.mjs';
import { CHANNEL, GROWTH, SIZES, STORED } from './plan.mjs';
import { barPlot, DOT, linePlot, PALE, rangePlot, SOLID, TONES } from './plots.mjs';

/** Files by name. */
export function renderPage(results, contenders) {
  const figures = new Figures(results.samples, results.quick);
  const shown = contenders.filter(({ name }) => results.samples.some(({ contender }) => contender === name));
  const plots = {
    'processor.svg': processorPlot(figures, shown),
    'throughput.svg': throughputPlot(figures, shown),
    'memory.svg': memoryPlot(figures, shown),
    'latency.svg': latencyPlot(figures, shown),
    'growth.svg': growthPlot(figures, shown),
  };
  const drawn = Object.fromEntries(Object.entries(plots).filter(([, plot]) => plot));
  const picture = (name, alt) => (drawn[name] ? `![${alt}](${name})\n` : '');
  const parts = [
    HEAD,
    about(results),
    picture('processor.svg', 'Processor time per delivery'),
    mainTable(figures, shown),
    picture('latency.svg', 'Latency'),
    picture('throughput.svg', 'Deliveries per second without pacing'),
    picture('memory.svg', 'Memory per connected client'),
    picture('growth.svg', 'Cost of a delivery by number of clients'),
    ownTables(figures),
    ofTheListener(figures),
    failures(results, contenders),
  ];
  return { 'README.md': `${parts.filter(Boolean).join('\n')}`, ...drawn };
}

const HEAD = `# Measured side by side

Written by \`npm run bench\`; [how it measures, and how to read it](../README.md). Medians, with the least and the most of the
runs in brackets. Lower is better unless said otherwise.
`;

function about({ machine, packages }) {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return `${machine.date}, ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel} \
(${machine.congestionControl}), Node.js ${machine.node}, ${machine.rust}. Server and clients share the machine, over loopback.
${versions.join(', ')}.
`;
}

const toneOf = ({ name, ours }) => (name === 'floor' ? TONES.floor : ours ? TONES.ours : TONES.peer);

function processorPlot(figures, contenders) {
  const bar = (row, { name }) => {
    const found = figures.of(row, name, 'processorPerDelivery');
    return found && { value: found.median, least: found.least, most: found.most, text: found.median.toFixed(1) };
  };
  const rows = contenders
    .map((one) => ({
      label: one.title,
      tone: toneOf(one),
      bars: [bar('broadcast-some', one), bar('broadcast-many', one)],
    }))
    .filter(({ bars }) => bars.some(Boolean));
  if (rows.length === 0) return undefined;
  return barPlot({
    title: 'Processor time per delivery',
    note: 'Microseconds, all threads of the server, for one event of 150 bytes to one client; paced broadcasts',
    rows,
    legend: ['broadcast-some', 'broadcast-many'].map((row, index) => ({
      text: `${figures.clients(row)} clients`,
      shape: index ? PALE : SOLID,
    })),
  });
}

function throughputPlot(figures, contenders) {
  const rows = contenders.flatMap((one) => {
    const found = figures.of('throughput', one.name, 'perSecond');
    if (!found) return [];
    const { median: value, least, most } = found;
    return [{ label: one.title, tone: toneOf(one), bars: [{ value, least, most, text: `${figure(value / 1000)} k` }] }];
  });
  if (rows.length === 0) return undefined;
  const note = 'Thousands per second until the last client has the last event; more is better; logarithmic';
  return barPlot({ title: 'Deliveries per second, as fast as it goes', note, rows, log: true });
}

function memoryPlot(figures, contenders) {
  const rows = contenders.flatMap((one) => {
    const found = memory(figures, one.name, 'user');
    if (!found) return [];
    const value = Math.max(0, found.median / 1024);
    return [{ label: one.title, tone: toneOf(one), bars: [{ value, text: `${value.toFixed(1)} KiB` }] }];
  });
  if (rows.length === 0) return undefined;
  const note = `Of the server's process, after garbage was collected, ${figures.clients('memory')} connected clients`;
  return barPlot({ title: 'Memory per connected client', note, rows });
}

/** Where it was measured several times, the median of those. */
function memory(figures, name, what) {
  return figures.of('memory-of-handoff', name, what) ?? figures.of('memory', name, what);
}

function latencyPlot(figures, contenders) {
  const rows = contenders.flatMap((one) => {
    const values = ['p50', 'p99', 'p999'].map((part) => figures.of('broadcast-some', one.name, part)?.median / 1000);
    if (values.some(Number.isNaN)) return [];
    return [{ label: one.title, tone: toneOf(one), values, text: values.map((value) => figure(value)).join(' · ') }];
  });
  if (rows.length === 0) return undefined;
  return rangePlot({
    title: 'From the call to the client',
    note: `Milliseconds, broadcasts to ${figures.clients('broadcast-some')} clients: the last one is served when all others have been`,
    rows,
    legend: ['p50', 'p99', 'p99.9'].map((text, number) => ({ text, shape: DOT(number) })),
  });
}

function growthPlot(figures, contenders) {
  const lines = contenders.flatMap((one) => {
    const points = GROWTH.flatMap((row) => {
      const found = figures.of(row, one.name, 'processorPerDelivery');
      return found ? [[figures.howMany(row), found.median]] : [];
    });
    return points.length > 2 ? [{ label: one.title, tone: toneOf(one), points }] : [];
  });
  if (lines.length === 0) return undefined;
  const note = 'Microseconds of processor time per delivery';
  return linePlot({ title: 'Cost of a delivery, by number of clients', note, lines, xLabel: 'connected clients' });
}

function mainTable(figures, contenders) {
  const columns = [
    [
      `µs per delivery, ${figures.clients('broadcast-some')} clients`,
      (name) => cost(figures.of('broadcast-some', name, 'processorPerDelivery')),
    ],
    ['of the floor', (name) => ratio(figures.againstFloor('broadcast-some', name))],
    [
      `µs per delivery, ${figures.clients('broadcast-many')} clients`,
      (name) => cost(figures.of('broadcast-many', name, 'processorPerDelivery')),
    ],
    ['of the floor', (name) => ratio(figures.againstFloor('broadcast-many', name))],
    // Where it was looked at more often, the median of that.
    [
      'event loop held, ms (idle)',
      (name) => stall(figures, name, 'stall') ?? stall(figures, name, 'broadcast-many') ?? '–',
    ],
    ['memory per client, KiB', (name) => figure((memory(figures, name, 'user')?.median ?? Number.NaN) / 1024)],
    ['in the kernel, both ends, KiB', (name) => figure((memory(figures, name, 'kernel')?.median ?? Number.NaN) / 1024)],
    ['deliveries/s unpaced, thousands', (name) => cost(figures.of('throughput', name, 'perSecond'), 1000)],
    [
      'memory grown by, MiB',
      (name) => figure((figures.of('throughput', name, 'memoryGrowth')?.median ?? Number.NaN) / 2 ** 20),
    ],
    [`${figures.clients('storm')} connects, s`, (name) => figure(figures.of('storm', name, 'connectSeconds')?.median)],
    ['reconnects with 10 missed events, s', (name) => figure(figures.of('storm', name, 'reconnectSeconds')?.median)],
  ];
  const all = contenders.map((one) => [
    one.ours ? `**${one.title}**` : one.title,
    ...columns.map(([, of]) => of(one.name)),
  ]);
  // Contenders that appear only in rows further down.
  const rows = all.filter(([, ...cells]) => cells.some((cell) => cell !== '–'));
  if (rows.length === 0) return '';
  const filled = ['', ...columns.map(([title]) => title)].map((_, index) => rows.some((row) => row[index] !== '–'));
  const shown = (cells) => cells.filter((_, index) => filled[index]);
  return table(shown(['', ...columns.map(([title]) => title)]), rows.map(shown));
}

function stall(figures, name, row) {
  const held = figures.of(row, name, 'stall');
  const idle = figures.of(row, name, 'idleStall');
  return held && `${figure(held.median)} (${figure(idle.median)})`;
}

function ownTables(figures) {
  const of = (row, value) => figures.of(row, 'ssekit-handoff', value);
  const parts = [];
  if (figures.has('call-few')) {
    const rows = SIZES.map((bytes) => [
      `${bytes}`,
      ...['call-few', 'call-many'].flatMap((row) => {
        const [stringify, send] = ['stringify', 'send'].map((what) =>
          figures.nested(row, 'ssekit-handoff', bytes, what),
        );
        return [figure(stringify / 1000), figure(send / 1000), ratio(send / stringify)];
      }),
    ]);
    const heads = ['call-few', 'call-many'].flatMap((row) => [
      'JSON.stringify, µs',
      `sendToUser with ${figures.clients(row)} clients, µs`,
      'ratio',
    ]);
    parts.push('## What a call costs its caller\n', table(['bytes', ...heads], rows));
  }
  if (figures.has(GROWTH[0])) {
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
    parts.push(
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
    );
  }
  if (figures.has(`size-${SIZES[0]}`)) {
    const names = ['floor', 'ssekit-handoff', 'node-http'];
    const rows = SIZES.map((bytes) => [
      `${bytes}`,
      ...names.map((name) => cost(figures.of(`size-${bytes}`, name, 'processorPerDelivery'))),
    ]);
    parts.push(
      '## By size of the event\n',
      `µs per delivery, ${figures.clients(`size-${SIZES[0]}`)} clients.\n`,
      table(['bytes of data', 'floor', '**ssekit, handoff**', 'node:http by hand'], rows),
    );
  }
  if (figures.has('threads-1')) {
    const rows = [1, 2, 4].map((threads) => [
      `${threads}`,
      cost(of(`threads-${threads}`, 'processorPerDelivery')),
      figure((of(`threads-${threads}`, 'p99')?.median ?? Number.NaN) / 1000),
      cost(of(`threads-${threads}`, 'longestCall'), 1000),
      stall(figures, 'ssekit-handoff', `threads-${threads}`) ?? '–',
      cost(of(`threads-${threads}-unpaced`, 'perSecond'), 1000),
    ]);
    parts.push(
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
    );
  }
  if (figures.has('fairness')) {
    const ms = (value) => figure((of('fairness', value)?.median ?? Number.NaN) / 1000);
    parts.push(
      '## An event for one user\n',
      `From the call to the client, ${figures.clients('fairness')} clients connected: p50 ${ms('aloneP50')} ms, p99 ${ms('aloneP99')} ms; while a broadcast to all \
of them is being written: p50 ${ms('duringP50')} ms, p99 ${ms('duringP99')} ms.\n`,
    );
  }
  if (figures.has('channel')) {
    const { clients, members } = CHANNEL;
    parts.push(
      '## A channel\n',
      `${cost(of('channel', 'processorPerDelivery'))} µs per delivery when a channel's events go to ${members.toLocaleString('en')} of \
${clients.toLocaleString('en')} clients, ${cost(of('channel', 'ofBroadcasts'))} µs when broadcasts go to ${members.toLocaleString('en')} clients in all, in turns: \
${ratio(of('channel', 'ratio')?.median)} times as much.\n`,
    );
  }
  if (figures.has('histories')) {
    const clients = figures.clients('histories');
    const rows = Object.entries(TITLES).flatMap(([name, title]) => {
      const value = (inner, unit = 1) => figure(figures.nested('histories', 'ssekit-handoff', name, inner) / unit);
      return value('call') === '–'
        ? []
        : [[title, value('call'), value('p50', 1000), value('p99', 1000), value('perSecond')]];
    });
    parts.push(
      '## What it costs to keep the history\n',
      `${clients} clients. Processor time of one call of \`sendToUser\` with 150 bytes; single events from the call to the client; broadcasts one \
after the other, until the last client has the last one.\n`,
      table(['the history is', 'the call, µs', 'p50, ms', 'p99, ms', 'broadcasts/s in a burst'], rows),
    );
  }
  if (figures.has('restart')) {
    const value = (events, inner, unit) => figure(figures.nested('restart', 'ssekit-handoff', events, inner) / unit);
    const rows = STORED.map((events) => [
      events.toLocaleString('en'),
      value(events, 'seconds', 1),
      value(events, 'memory', 2 ** 20),
    ]);
    parts.push(
      '## A start on a folder\n',
      'From the start of the process until a client that comes back has the 10 events that it missed, and what the process takes then.\n',
      table(['events in the folder', 's', 'memory, MiB'], rows),
    );
  }
  if (figures.has('idle')) {
    const percent = (value) => figure((of('idle', value)?.median ?? Number.NaN) * 100);
    parts.push(
      '## Idle\n',
      `${figures.clients('idle')} clients that get only heartbeats take ${percent('withClients')} % of one core; the same process without them \
${percent('without')} %.\n`,
    );
  }
  return parts.join('\n');
}

function ofTheListener(figures) {
  const of = (row, value) => figures.of(row, 'ssekit-listener', value);
  const parts = [];
  if (figures.has('event-loop')) {
    const percent = (value) => figure((of('event-loop', value)?.median ?? Number.NaN) * 100);
    const seconds = figure(of('event-loop', 'seconds')?.median);
    parts.push(
      '## The event loop of Node.js\n',
      `${figures.clients('event-loop')} clients on the listener get events that another process publishes by \`POST /publish\`, \
${figure(of('event-loop', 'perSecond')?.median)} deliveries a second for ${seconds} s. The event loop is in use \
${percent('utilization')} % of that time, and its thread takes ${percent('thread')} % of one core; of the same process at rest for as long \
${percent('idleUtilization')} % and ${percent('idleThread')} %.\n`,
    );
  }
  if (figures.has('storm-ratio')) {
    const [median, least, most] = ['ratio', 'least', 'most'].map((value) => of('storm-ratio', value)?.median);
    parts.push(
      '## A storm of reconnects\n',
      `${figures.clients('storm-ratio')} clients connect to the listener at once, resume, and have 10 missed events: ${figure(of('storm-ratio', 'seconds')?.median)} s, \
${ratio(median)} times what a bare loop takes that accepts and answers with as many bytes (${ratio(least)}–${ratio(most)}).\n`,
    );
  }
  return parts.join('\n');
}

function failures({ samples }, contenders) {
  const failed = samples.filter(({ values }) => values.failed);
  if (failed.length === 0) return '';
  const titles = Object.fromEntries(contenders.map(({ name, title }) => [name, title]));
  const lines = failed.map(
    ({ row, contender, values }) => `- ${row}: ${titles[contender]}: ${values.failed.split('\n', 1)[0]}`,
  );
  return `## What failed\n\n${[...new Set(lines)].join('\n')}\n`;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map((_, index) => (index ? '--:' : '---'))), ...rows.map(line)].join('\n')}\n`;
}
