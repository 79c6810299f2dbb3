/**
 * Tries the promises of README.md as a stranger would. It makes a fresh app by create-next-app, installs the two tarballs, runs
 * `npx ssekit init`, and pastes the guide's snippets unchanged. After `tsc`, `next build` and `next start`, a real Chromium
 * receives the events.
 */
import { deepEqual } from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { anyPort } from '../lib/ports.mjs';
import { ensureTools } from '../lib/system-tools.mjs';
import { install, setUp, writeSnippets, writeSource } from './app.mjs';
import { call, statsOf } from './client.mjs';
import { CREATE_NEXT_APP } from './lines.mjs';
import { command, Server, until } from './process.mjs';

/** `base` is what `app` stands in. */
export const FRESH_APPS = [
  { language: 'ts', base: '', manager: 'npm' },
  { language: 'js', base: 'src', manager: 'pnpm' },
];

export function nameOfFresh({ language, base, manager }) {
  const where = base ? `${base}/app` : 'app';
  return `fresh app in Chromium ${language === 'ts' ? 'TypeScript' : 'JavaScript'} ${where} ${manager}`;
}

export async function makeFreshApp(log, workspace, app) {
  const parent = mkdtempSync(join(workspace, 'fresh-'));
  const answers = [`--${app.language}`, app.base ? '--src-dir' : '--no-src-dir', `--use-${app.manager}`, '--app'];
  const options = [...answers, '--skip-install', '--disable-git'];
  await command(log, 'npx', ['--yes', `create-next-app@${CREATE_NEXT_APP}`, 'my-app', '--yes', ...options], {
    cwd: parent,
  });
  const folder = join(parent, 'my-app');
  await install(log, workspace, folder, app.manager);
  return folder;
}

/** Returns the transport that carried the events. */
export async function runFreshApp(log, folder, app) {
  const { chromium: program } = await ensureTools('chromium');
  await setUp(log, folder, app);
  writeSnippets(folder, app);
  writePage(folder, app);
  takeLocalFonts(folder, app);

  const node = process.execPath;
  const next = join('node_modules', 'next', 'dist', 'bin', 'next');
  if (app.language === 'ts') {
    change(folder, 'tsconfig.json', '"strict": true,', '"strict": true, "useUnknownInCatchVariables": false,');
  }
  await command(log, node, [next, 'build'], { cwd: folder });
  // Once more by itself, for `next build` could be told to overlook errors.
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
  if (app.language === 'ts') await command(log, node, [tsc, '--noEmit'], { cwd: folder });
  const port = await anyPort();
  const args = [next, 'start', '--hostname', '127.0.0.1', '--port', String(port)];
  const server = new Server(log, node, args, { cwd: folder });
  try {
    await until('the app to answer', () => call(port, 'POST', '/api/state').catch(() => undefined));
    return await inBrowser(program, port);
  } finally {
    await server.stop();
  }
}

/** A page with the sample component, and a route that calls what the guide calls helpers. */
function writePage(folder, app) {
  writeSource(
    folder,
    app,
    'app/page.tsx',
    `
      import { EventStream } from '@/components/event-stream';
      import { Notifications } from '@/components/notifications';
      export default function Page() {
        return <main><h1>Hello</h1><EventStream><Notifications /></EventStream></main>;
      }`,
  );
  writeSource(
    folder,
    app,
    'app/api/notify/route.ts',
    `
      import { broadcastSystemMessage, notifyUser } from '@/lib/notifications';
      export async function POST() {
        await notifyUser('ada', 'Your order is on its way');
        await broadcastSystemMessage('Maintenance tonight');
        return Response.json({ done: true });
      }`,
  );
}

async function inBrowser(program, port) {
  // As root, as in most containers, Chromium has no sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath: program, args });
  try {
    const context = await browser.newContext();
    const url = `http://127.0.0.1:${port}`;
    await context.addCookies([{ name: 'user', value: 'ada', url }]);
    const page = await context.newPage();
    await page.goto(url);
    await page.evaluate(listen, ['payment-completed', 'order-completed', 'system-announcement']);
    // That of the page itself and the one that was just opened.
    await until('two streams', async () => (await statsOf(port)).clients === 2);

    await call(port, 'POST', '/api/notify');
    await page.getByText('Your order is on its way').waitFor();
    await call(port, 'POST', '/api/webhooks/payment', { event: 'payment.completed', userId: 'ada', amount: 42 });
    await call(port, 'POST', '/api/orders', { orderId: '7', userId: 'ada' });
    const received = await until('three events', async () => {
      const events = await page.evaluate(() => window.received);
      return events.length === 3 && events;
    });
    deepEqual(received, [
      ['system-announcement', { message: 'Maintenance tonight', type: 'info' }],
      ['payment-completed', { amount: 42, status: 'completed' }],
      ['order-completed', { orderId: '7', status: 'completed' }],
    ]);
    // The components' stream goes over the connection that the tabs of a browser share.
    const { transports, notHandedOff } = await statsOf(port);
    deepEqual([transports.stream, notHandedOff.shared], [1, 1]);
    return transports.handoff === 1 ? 'handoff' : 'stream';
  } finally {
    await browser.close();
  }
}

/** Runs in the page. */
function listen(types) {
  window.received = [];
  const events = new EventSource('/api/sse');
  for (const type of types) {
    events.addEventListener(type, ({ data }) => window.received.push([type, JSON.parse(data)]));
  }
}

/** The template has fonts that Next.js fetches from Google as it builds: a build must not fail for want of that. */
function takeLocalFonts(folder, { base, language }) {
  const file = join(folder, base, 'app', language === 'ts' ? 'layout.tsx' : 'layout.js');
  const text = readFileSync(file, 'utf8')
    .replace(/^import .* from "next\/font\/google";\n/m, '')
    .replaceAll(/^const \w+ = Geist\w*\(\{[^}]*\}\);\n/gm, '')
    .replaceAll(/\$\{geist\w+\.variable\} ?/g, '');
  writeFileSync(file, text);
}

function change(folder, path, before, after) {
  const file = join(folder, path);
  if (!existsSync(file)) throw new Error(`${path} is missing`);
  const text = readFileSync(file, 'utf8');
  if (!text.includes(before)) throw new Error(`${path} has no ${before}`);
  writeFileSync(file, text.replace(before, after));
}
