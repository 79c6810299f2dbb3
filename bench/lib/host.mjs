/** The process that a contender's server runs in: `host.mjs <contender> <options as JSON>`. */
import { processCommands } from './operations.mjs';

const [contender, options] = process.argv.slice(2);
const { serve } = await import(contender);
processCommands(await serve(JSON.parse(options)));
