/** The page of results: a Markdown file with tables, and its plots. */
import { cost, Figures, figure, ratio, stall } from './figures.mjs';
import { GROWTH } from './plan.mjs';
import { barPlot, DOT, linePlot, PALE, rangePlot, SOLID, TONES } from './plots.mjs';
import { ofHandoff, ofListener } from './sections.mjs';
import { table } from './table.mjs';

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
    ofHandoff(figures),
    ofListener(figures),
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

function failures({ samples }, contenders) {
  const failed = samples.filter(({ values }) => values.failed);
  if (failed.length === 0) return '';
  const titles = Object.fromEntries(contenders.map(({ name, title }) => [name, title]));
  const lines = failed.map(
    ({ row, contender, values }) => `- ${row}: ${titles[contender]}: ${values.failed.split('\n', 1)[0]}`,
  );
  return `## What failed\n\n${[...new Set(lines)].join('\n')}\n`;
}
