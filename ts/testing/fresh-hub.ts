/** Another real hub in the same process. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { addon, replaceAddon } from '../server/binding.js';
import { unfitArgument } from '../server/errors.js';

/**
 * Begins anew with the real addon, in tests only: from now on, this test file has another hub, without clients, events, options and
 * listeners. The hub before it goes on, unseen, until the process ends. Nothing of the old hub's streams reaches the new one.
 */
export function freshHub(): void {
  if (process.env.NODE_ENV === 'production') {
    throw unfitArgument('freshHub', 'NODE_ENV=production', 'a test, because the clients of the hub would be lost');
  }
  addon();
  replaceAddon(anotherCopy(loadedFile()));
}

/** A process has one hub for each file of the addon, so a copy of the file is another hub. */
function anotherCopy(file: string): ReturnType<typeof addon> {
  const folder = mkdtempSync(join(tmpdir(), 'ssekit-hub-'));
  try {
    const copy = join(folder, 'ssekit.node');
    copyFileSync(file, copy);
    return createRequire(copy)(copy);
  } finally {
    try {
      rmSync(folder, { recursive: true });
    } catch {
      // Windows keeps the file of a loaded library.
    }
  }
}

/** The addon's file, wherever the loader has found it. */
function loadedFile(): string {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  const { excludeNetwork } = report;
  // It would look up the names of all peers.
  report.excludeNetwork = true;
  try {
    const { sharedObjects } = report.getReport() as unknown as { sharedObjects: string[] };
    // A copy of an earlier call is still loaded, but its file is gone.
    const file = sharedObjects.find((path) => /[\\/]ssekit[^\\/]*\.node$/.test(path) && existsSync(path));
    if (file === undefined) throw new Error('the file of ssekit that the process has loaded cannot be found');
    return file;
  } finally {
    if (excludeNetwork !== undefined) report.excludeNetwork = excludeNetwork;
  }
}
