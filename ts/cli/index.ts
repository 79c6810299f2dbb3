#!/usr/bin/env node
/** `npx ssekit …`: the process around the commands. */
import { main } from './main.js';

// Whoever reads along has gone (`ssekit tail … | head -1`): there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
