#!/usr/bin/env node
/** `npx ssekit …`: the process around the commands. */
import { inspect } from 'node:util';

import { main } from './main.js';
import { tell } from './output.js';
import { EXIT } from './usage.js';

// Whoever reads along has gone (`ssekit tail … | head -1`): there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

// Should nothing be left to wait for before the command is done, it has not found that all is well.
process.exitCode = EXIT.cannotRun;

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error) => {
    // Node.js would print it raw, and a server may have had a part in it.
    tell(`ssekit: this is a fault of ssekit's, please report it\n${inspect(error)}`);
    process.exitCode = EXIT.cannotRun;
  },
);
