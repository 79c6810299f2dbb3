/** The contenders: one file each in contenders/. */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';

const folder = new URL('../contenders/', import.meta.url);

/**
 * @typedef {object} Contender What a file exports, beside what is added here.
 * @property {string} title
 * @property {number} rank Its place on the page.
 * @property {(options: object) => Promise<object>} [serve] Starts the server in the process that calls it; see `Server` in
 *   operations.mjs.
 * @property {(options: object) => Promise<object>} [start] Starts a process; what it resolves with has `port`, `path`, `pids()`,
 *   `ask(operation, arguments)` and `stop()`.
 * @property {boolean} [inNode] It has `start`, and its process is one of Node.js all the same.
 * @property {number} [streams] It is asked over HTTP/2, with this number of streams on a connection.
 * @property {number} [atATime] The number of connects at once, where the usual hundred are too many for it.
 * @property {number} [most] With more clients it is not measured: it does not get them all connected here.
 * @property {true | 'only'} [comesBack] Its pages are measured when they come back, or it is measured by nothing else.
 * @property {string} [other] A path of it that is no stream.
 * @property {string[]} [packages] Packages of npm whose versions the page shows.
 * @property {() => string | undefined} [unavailable] Why it cannot be measured here.
 */

/** All of them, in order. */
export async function loadContenders() {
  const files = readdirSync(folder).filter((file) => file.endsWith('.mjs'));
  const loaded = files.map(async (file) => {
    const { href } = new URL(file, folder);
    return { ...(await import(href)), name: basename(file, '.mjs'), file: href };
  });
  return (await Promise.all(loaded)).sort((a, b) => a.rank - b.rank);
}
