/** `npm run demo`: builds ssekit and the example app, and serves it. PORT chooses the port; else it is 3000 or the next free one. */
import { setTimeout as delay } from 'node:timers/promises';
import { buildExample, EXAMPLE_ENV, ensureExample, next } from './lib/example.mjs';
import { buildPackage } from './lib/package.mjs';
import { example } from './lib/paths.mjs';
import { accepts, choosePort } from './lib/ports.mjs';
import { finish, main } from './lib/run.mjs';

await main(async () => {
  // Before everything else: a port that cannot be had need not be waited for.
  if (process.env.PORT) await choosePort();
  await buildPackage();
  await ensureExample();
  await buildExample();

  const port = await choosePort();
  const server = finish(process.execPath, next('start', '--port', String(port)), {
    cwd: example,
    env: EXAMPLE_ENV,
    server: true,
  });
  const announcement = new AbortController();
  announce(port, announcement.signal);
  const { exitCode } = await server.finally(() => announcement.abort());
  return exitCode;
});

/** Tells the address as soon as somebody can open it. */
async function announce(port, signal) {
  while (!signal.aborted && !(await accepts(port))) await delay(100);
  if (!signal.aborted) console.log(`\nThe ssekit demo is at http://localhost:${port} (Ctrl-C ends it)\n`);
}
