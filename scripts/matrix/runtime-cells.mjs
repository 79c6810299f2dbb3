/** The cells without Node.js: a script in another runtime, against a listener in Node.js. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { install, json, write } from './app.mjs';
import { RUNTIMES } from './lines.mjs';
import { command } from './process.mjs';
import { runtimeOf } from './tools.mjs';

/** One cell for each runtime. `does`: a word for what its script does. */
export const cellsOf = (does) => Object.keys(RUNTIMES).map((runtime) => ({ name: `${runtime} ${does}`, runtime }));

/** An app of two scripts: `listener.cjs`, which starts the other with its own arguments, and `script.mjs`. */
export async function makeScriptPair(log, workspace, name, listener, script) {
  const folder = mkdtempSync(join(workspace, `${name}-`));
  write(folder, {
    'package.json': json({ name, private: true }),
    'listener.cjs': listener,
    'script.mjs': script,
  });
  await install(log, workspace, folder, 'npm');
  return folder;
}

/** Returns the transport that carried the events. */
export async function runScriptPair(log, folder, { runtime }) {
  const program = await runtimeOf(runtime);
  const output = await command(log, process.execPath, ['listener.cjs', ...program], { cwd: folder });
  const transport = /TRANSPORT (\w+)/.exec(output)?.[1];
  if (!transport) throw new Error('it said nothing of a transport');
  return transport;
}
