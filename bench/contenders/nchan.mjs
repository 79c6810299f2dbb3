/** Nchan, a module for nginx: events are posted to it. It writes with one process per core, as ssekit does with threads. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ask, Broker, freePorts, missing, scratch } from '../lib/brokers.mjs';

export const title = 'Nchan (nginx)';
export const rank = 30;

const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';

export const unavailable = () => missing(MODULE, 'libnginx-mod-nchan');

export async function start() {
  const folder = scratch('nchan');
  const [port] = await freePorts(1);
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port));
  return new Broker('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], {
    folder,
    port,
    path: '/events',
    isUp: async () => (await ask(port, '/status')).length > 0,
    clients: async () => Number(/^subscribers: (\d+)/m.exec(await ask(port, '/status'))?.[1]),
    broadcast: ({ event, data }) =>
      ask(port, '/publish', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-eventsource-event': event },
        body: JSON.stringify(data),
      }),
  }).started();
}

function configuration(folder, port) {
  return `
load_module ${MODULE};
user root;
daemon off;
pid ${folder}/nginx.pid;
worker_processes ${availableParallelism()};
worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http {
  access_log off;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /events { nchan_subscriber eventsource; nchan_channel_id all; nchan_subscriber_first_message newest; }
    location = /publish { nchan_publisher; nchan_channel_id all; nchan_message_buffer_length 10000; }
    location = /status { nchan_stub_status; }
  }
}
`;
}
