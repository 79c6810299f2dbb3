/** `ssekit/client` where there is no Node.js: a script in another runtime, which has to get the events of a listener. */
import { cellsOf, makeScriptPair } from './runtime-cells.mjs';

export const RECEIVER_CELLS = cellsOf('receives');

export const makeReceiver = (log, workspace) => makeScriptPair(log, workspace, 'receiver', SENDS, RECEIVES);

/** A listener that sends to the given script: at once, after a cut, and on a channel that the script asks for. */
const SENDS = `
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { SSEService } = require('ssekit');

const secret = 's'.repeat(32);
const [program, ...args] = process.argv.slice(2);
const sse = SSEService.getInstance();
SSEService.configure({ retryMs: 10 });

async function delivered() {
  const { port } = await sse.listen({ tickets: { secret } });
  const ticket = sse.issueTicket({ userId: 'ada', channels: ['order:*'], secret });
  const child = spawn(program, [...args, 'script.mjs', 'http://127.0.0.1:' + port + '/events', ticket]);
  child.stderr.pipe(process.stderr);
  const lines = require('node:readline').createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const says = async (wanted) => {
    const { value } = await lines.next();
    if (value !== wanted) throw new Error('it said ' + value + ' instead of ' + wanted);
  };
  await says('open');
  sse.sendToUser('ada', { event: 'number', data: 1 });
  await says('number 1');
  sse.disconnectClient(sse.getActiveClients()[0]);
  sse.sendToUser('ada', { event: 'number', data: 2 });
  await says('open');
  await says('number 2');
  await says('ssekit:subscribed');
  sse.sendToChannel('order:1', { event: 'number', data: 3 });
  const { transports } = sse.stats();
  await says('number 3');
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error('it ended with ' + code);
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

/** Says what happens to it, and ends with the third number. */
const RECEIVES = `
import { createClient } from 'ssekit/client';

const [url, ticket] = globalThis.Deno?.args ?? process.argv.slice(2);
const events = createClient({ url, auth: () => ticket });
events.onStatus(({ state }) => state === 'open' && console.log('open'));
events.on('ssekit:subscribed', () => console.log('ssekit:subscribed'));
for await (const { event, data } of events) {
  if (event !== 'number') continue;
  console.log('number ' + data);
  if (data === 2) events.subscribe('order:1');
  if (data === 3) events.close();
}`;
