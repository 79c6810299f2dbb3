/** The modules of the server, for a test whose environment is a page's: there, their names lead to ts/browser. */
import { SSEService } from '../server/service.js';
import { standInRecord } from '../server/stand-in.js';

standInRecord().modules ??= {
  ssekit: () => ({ SSEService }),
  // On demand, because most tests need neither.
  'ssekit/next': () => require('../next/index.js'),
  'ssekit/node': () => require('../node/index.js'),
};
