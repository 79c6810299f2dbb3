/**
 * Runs one of the clients of this folder for support/third-party.ts: `node main.mjs <file>`.
 *
 * On standard input come commands, one JSON text a line: `{ stream, url, names, lastEventId }` opens a stream, `{ stream,
 * close: true }` closes it. On standard output go what the client makes of it: `{ stream, event: { name, data, id } }`, and
 * `{ stream, ended }` from clients that do not reconnect by themselves.
 */
import { createInterface } from 'node:readline';

const { open } = await import(`./${process.argv[2]}`);
const closers = new Map();
const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const { stream, close, ...options } = JSON.parse(line);
  if (close) closers.get(stream)?.();
  else
    closers.set(
      stream,
      open(options, (event) => tell({ stream, event })),
    );
}
// The process that started it has gone.
process.exit();
