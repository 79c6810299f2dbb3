#!/usr/bin/env node
/** `npx ssekit …`: the process around the commands. */
import { inspect } from 'node:util';

import { main } from './main.js';
import { tell } from './output.js';
import { EXIT } from './usage.js';

// The reader is gone (`ssekit tail … | head -1`), so nobody is left to print for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

// If Node.js runs out of work before the command is done, that must not count as success.
process.exitCode = EXIT.cannotRun;

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error) => {
    // Node.js would print it unescaped, and part of it may come from a server.
    tell(`ssekit: this is a bug in ssekit. Please report it:\n${inspect(error)}`);
    process.exitCode = EXIT.cannotRun;
  },
);
