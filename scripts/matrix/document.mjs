/** docs/compatibility.md, from what the matrix has seen. The same results make the same text: no times, no dates. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';
import { FRESH_APPS, nameOfFresh } from './fresh-app.mjs';
import { CELLS, CREATE_NEXT_APP, JEST, LINES, NODES, nameOf, PNPM, RUNTIMES } from './lines.mjs';
import { PUBLISHER_CELLS } from './publisher-cells.mjs';
import { RECEIVER_CELLS } from './receiver-cells.mjs';
import { FROM_SOURCE, SCRIPTS } from './script-cells.mjs';

const file = join(root, 'docs', 'compatibility.md');

export function writeDocument(results) {
  writeFileSync(file, text(results));
}

export function checkDocument(results) {
  return existsSync(file) && readFileSync(file, 'utf8') === text(results);
}

function text(results) {
  const transport = (name) => results.get(name).transport;
  const cells = CELLS.map((cell) => [
    LINES[cell.line].next,
    cell.mode === 'standalone' ? "`output: 'standalone'`" : `\`next ${cell.mode}\``,
    cell.bundler === 'webpack' ? 'webpack' : 'Turbopack',
    cell.node,
    cell.manager,
    cell.config === 'none' ? 'no' : 'yes',
    transport(nameOf(cell)),
  ]);
  const fresh = FRESH_APPS.map((app) => [
    app.language === 'ts' ? 'TypeScript' : 'JavaScript',
    `\`${app.base ? `${app.base}/` : ''}app\``,
    app.manager,
    transport(nameOfFresh(app)),
  ]);
  const scripts = [...SCRIPTS, ...FROM_SOURCE].map(({ name, node }) => [
    name.replace(/^node \d+ /, ''),
    node,
    transport(name),
  ]);
  const elsewhere = (all) =>
    all.map(({ name, runtime }) => [`${runtime === 'deno' ? 'Deno' : 'Bun'} ${RUNTIMES[runtime]}`, transport(name)]);
  return `${[
    '<!-- Written by `npm run test:matrix`. Do not edit. -->',
    '# What ssekit is tried on',
    '',
    'Each line is a separate app, with the packages installed from their tarballs. A client with a log-in opened the stream.',
    'A webhook and a background job sent to it, and the events arrived over the transport in the last column',
    '(on Linux x64; [what the transports are](../README.md#what-carries-a-stream)).',
    '',
    '## Next.js',
    '',
    ...table(['Next.js', 'as', 'bundler', 'Node.js', 'installed by', '`withSSE`', 'transport'], cells),
    '',
    `Next.js 14 builds with webpack only. pnpm is ${PNPM}. An app with \`output: 'standalone'\` ran from a copy of`,
    '`.next/standalone` only, without access to the app it was built from.',
    '',
    '## From nothing',
    '',
    `Each line is a fresh app by create-next-app ${CREATE_NEXT_APP}, set up by \`npx ssekit init\`. Its webhook, background job and`,
    'helpers are pasted unchanged from [the example app](../examples/next-app). The events arrived in a real Chromium. The TypeScript',
    'app passed `tsc` with `strict`, but without `useUnknownInCatchVariables`, because one of the files uses `error.message`.',
    '',
    ...table(['language', 'App Router in', 'installed by', 'transport'], fresh),
    '',
    '## Without Next.js',
    '',
    ...table(['what', 'Node.js', 'transport'], scripts),
    '',
    `Jest is ${JEST}. The releases of Node.js are the newest available of their lines: ${Object.values(NODES).join(', ')}.`,
    '',
    '## Publishing from elsewhere',
    '',
    'A script in another runtime sent an event to a listener with [`ssekit/publish`](listener.md#from-javascript). The client of the',
    'listener got the event. The tests cover the edge runtime of Next.js.',
    '',
    ...table(['runtime', 'transport'], elsewhere(PUBLISHER_CELLS)),
    '',
    '## Receiving elsewhere',
    '',
    'A script in another runtime opened a stream of a listener with [`ssekit/client`](browser.md), by a ticket. It got an event, was',
    'cut off, got what it had missed, and then an event of a channel that it asked for.',
    '',
    ...table(['runtime', 'transport'], elsewhere(RECEIVER_CELLS)),
  ].join('\n')}\n`;
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
}
