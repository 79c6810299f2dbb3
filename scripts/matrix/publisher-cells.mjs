/** `ssekit/publish` where there is no Node.js: a script in another runtime, whose event has to reach a client of a listener. */
import { cellsOf, makeScriptPair } from './runtime-cells.mjs';

export const PUBLISHER_CELLS = cellsOf('publishes');

export const makePublisher = (log, workspace) => makeScriptPair(log, workspace, 'publisher', LISTENS, PUBLISHES);

/** A listener with a client, to which the given script has to bring an event. */
const LISTENS = `
const { execFile } = require('node:child_process');
const { SSEService } = require('ssekit');

const token = 't'.repeat(32);
const [program, ...args] = process.argv.slice(2);

async function delivered() {
  const sse = SSEService.getInstance();
  const listener = await sse.listen({ anonymous: true, publish: { token } });
  const origin = 'http://127.0.0.1:' + listener.port;
  const response = await fetch(origin + '/events?clientId=page');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value;
  const said = await new Promise((resolve, reject) => {
    const child = execFile(program, [...args, 'script.mjs', origin, token], (error, out) => (error ? reject(error) : resolve(out)));
    child.stderr.pipe(process.stderr);
  });
  if (said.trim() !== 'true and 400') throw new Error('the publisher said: ' + said);
  while (!text.includes('event: greeting\\ndata: {"from":"elsewhere"}\\n')) {
    const { value, done } = await reader.read();
    if (done) throw new Error('the stream ended without its event: ' + text);
    text += value;
  }
  const { transports } = sse.stats();
  return Object.keys(transports).filter((name) => transports[name] > 0).join();
}

delivered().then(
  (transport) => {
    console.log('TRANSPORT ' + transport);
    process.exit();
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);`;

/** Says whether its client was there, and how a mistake was answered. */
const PUBLISHES = `
import { createPublisher, PublishError } from 'ssekit/publish';

const [url, token] = globalThis.Deno?.args ?? process.argv.slice(2);
const publisher = createPublisher({ url, token });
const reached = await publisher.sendToClient('page', { event: 'greeting', data: { from: 'elsewhere' } });
const error = await publisher.broadcast({ event: 'ssekit:ready', data: null }).catch((error) => error);
console.log(reached + ' and ' + (error instanceof PublishError && error.status));`;
