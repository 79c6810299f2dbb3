/** Imports the package and requires it. */
import { createRequire } from 'node:module';
import { SSEService } from 'ssekit';
import * as next from 'ssekit/next';
import * as node from 'ssekit/node';

const required = createRequire(import.meta.url)('ssekit');

process.send({
  same: required.SSEService === SSEService && required.SSEService.getInstance() === SSEService.getInstance(),
  subpaths: [typeof next.createSSERoute, typeof node.handleSSE],
});
process.disconnect();
