/** Examines the folder that keeps the history, if the environment names one. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { DATA_FOLDER } from '../app/layout.js';
import { type Finding, note, problem } from './finding.js';

/** Joins the folder's history as any process of the app does, or prints why it cannot. */
const JOIN = `
const sse = require(process.argv[1]).SSEService.getInstance();
const fail = ({ message }) => { require('node:fs').writeSync(1, message); process.exit(1); };
try {
  sse.on('error', fail).ready().then((isReady) => process.exit(isReady ? 0 : 2));
} catch (error) {
  fail(error);
}
`;

/** A process joins in some milliseconds, or gives up after some seconds. */
const JOIN_TIMEOUT_MS = 30_000;

/** `home`: where the package is installed. */
export function checkDataFolder(folder: string, home: string): Finding | undefined {
  if (process.env.SSEKIT_DATA_DIR && process.env.SSEKIT_REDIS_URL) return both();
  const given = process.env.SSEKIT_DATA_DIR ?? usualFolder(folder);
  if (!given) return undefined;
  const dir = resolve(folder, given);
  if (!existsSync(dir)) {
    const matters = 'ssekit makes it with the first client or event. If it should be there, that begins a new history.';
    return note('data-folder', `SSEKIT_DATA_DIR is ${dir}, and there is no such folder.`, matters, 'Nothing.');
  }
  const how = {
    encoding: 'utf8',
    timeout: JOIN_TIMEOUT_MS,
    cwd: folder,
    env: { ...process.env, SSEKIT_DATA_DIR: dir },
  } as const;
  const { status, stdout, signal } = spawnSync(process.execPath, ['-e', JOIN, home], how);
  if (status === 0) return undefined;
  const reason = stdout.trim() || `it ended with ${signal ?? status}`;
  return problem(
    'data-folder',
    `The history cannot be kept in ${dir}: ${reason}`,
    'The server keeps the history in memory instead. It ends with the process, and other processes of the app are cut off.',
    'Remove the cause, or name another folder: a local disk, writable by the user of the app. See docs/durability.md.',
  );
}

const both = (): Finding =>
  problem(
    'data-folder',
    'SSEKIT_DATA_DIR and SSEKIT_REDIS_URL are both set.',
    'A hub has one history, so no stream can be opened: requests are answered with 500.',
    'Remove one of the two variables: the folder for one machine, Redis for several.',
  );

/** The folder that an app from `init` uses, once it has used it. */
function usualFolder(folder: string): string | undefined {
  const isUsed = !process.env.SSEKIT_REDIS_URL && existsSync(join(folder, DATA_FOLDER, 'history.db'));
  return isUsed ? DATA_FOLDER : undefined;
}
