/** Where a page's snapshot ends, for Server Components. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { joined } from '../server/catch-up.js';
import { SSEService } from '../server/service.js';

/**
 * Returns `SSEService.getInstance().cursor()`, and makes Next.js render the page for each request. A page rendered at build time would
 * have the cursor of a process that is gone, and so would every part of it that Next.js caches. A process that has just started first
 * joins the history that it shares with others, for some seconds at most. Await it before the data that you render, and open the
 * stream with it: `/api/sse?since=…`.
 *
 * Call it where `connection()` of `next/server` may be called: in a Server Component, a Server Action or a route handler.
 */
export async function cursor(): Promise<string> {
  await request();
  await joined();
  return SSEService.getInstance().cursor();
}

/** Waits for a request, which ends a rendering at build time. Next.js 14 has an older function for it. */
async function request(): Promise<void> {
  const { connection } = nextServer();
  if (connection) await connection();
  else nextCache().unstable_noStore();
}

interface NextServer {
  connection?(): Promise<void>;
}

/**
 * Loaded when it is needed, because `next.config` loads this package, too. The plain `require` is what Next.js follows when it collects
 * the files of a standalone app.
 */
function nextServer(): NextServer {
  try {
    return require('next/server');
  } catch (error) {
    return fromApp('next/server', error);
  }
}

function nextCache(): { unstable_noStore(): void } {
  try {
    return require('next/cache');
  } catch (error) {
    return fromApp('next/cache', error);
  }
}

/** For a package that is linked into the app, from where its own Next.js is not found. */
function fromApp<Module>(name: string, error: unknown): Module {
  if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
  return createRequire(join(process.cwd(), 'package.json'))(name);
}
