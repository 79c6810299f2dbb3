/**
 * Pushpin, a proxy that holds streams for the server behind it: events are posted to it. Behind it is its own test handler, which
 * does nothing but to have `/stream` held; after that nobody behind it has anything to do. Its limit on messages a second is lifted.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { ask, Broker, freePorts, missing, scratch } from '../lib/brokers.mjs';

export const title = 'Pushpin';
export const rank = 31;
/** With more, some of its answers are an error. */
export const atATime = 1;
export const most = 2_000;

const PROGRAM = '/usr/bin/pushpin';

export const unavailable = () => missing(PROGRAM, 'pushpin') ?? missing('/usr/bin/condure', 'condure');

export async function start() {
  const folder = scratch('pushpin');
  const [port, publish, pull, sub, command] = await freePorts(5);
  for (const name of ['run', 'log']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'routes'), '* test\n');
  writeFileSync(join(folder, 'pushpin.conf'), configuration(folder, { port, publish, pull, sub, command }));
  return new Broker(PROGRAM, [`--config=${join(folder, 'pushpin.conf')}`], {
    folder,
    port,
    path: '/stream',
    isUp: async () => (await isHeld(port)) && (await post(publish, ': up\n\n')).length > 0,
    clients: () => connectionsTo(port),
    broadcast: ({ event, data }) =>
      post(publish, `event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${data.seq}\n\n`),
  }).started();
}

/** For a moment after its start it answers with an error, or never. */
function isHeld(port) {
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path: '/stream', agent: false }, (response) => {
      resolve(response.statusCode === 200);
      asked.destroy();
    });
    asked.once('error', reject);
    asked.setTimeout(1_000, () => asked.destroy(new Error('no answer')));
  });
}

function post(port, content) {
  const items = [{ channel: 'test', formats: { 'http-stream': { content } } }];
  return ask(port, '/publish/', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ items }),
  });
}

/** It tells its statistics over ZeroMQ alone; the system knows as well. */
function connectionsTo(port) {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  const established = rows.map((row) => row.trim().split(/\s+/)).filter(([, , , state]) => state === '01');
  return established.filter(([, address]) => address.endsWith(local)).length;
}

function configuration(folder, { port, publish, pull, sub, command }) {
  return `
[global]
include=/usr/lib/pushpin/internal.conf
rundir=${folder}/run
ipc_prefix=pushpin-
port_offset=0
stats_connection_ttl=120
[runner]
services=condure,pushpin-proxy,pushpin-handler
http_port=${port}
logdir=${folder}/log
log_level=0
client_buffer_size=8192
client_maxconn=50000
condure_bin=condure
[proxy]
routesfile=${folder}/routes
updates_check=off
[handler]
push_in_spec=tcp://127.0.0.1:${pull}
push_in_sub_specs=tcp://127.0.0.1:${sub}
push_in_http_addr=127.0.0.1
push_in_http_port=${publish}
command_spec=tcp://127.0.0.1:${command}
message_rate=10000000
message_hwm=10000000
message_wait=5000
connection_subscription_max=20
stats_report_interval=10
`;
}
