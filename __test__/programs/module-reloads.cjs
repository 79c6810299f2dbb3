'use strict';

/** Loads a module of an app again and again, as hot reloads do, connects a client, and sends what the client was greeted with. */
const { join } = require('node:path');
const Module = require('node:module');

const root = join(__dirname, '..', '..');
const [code, loads] = process.argv.slice(2);

function load() {
  for (const path of Object.keys(require.cache)) {
    if (path.startsWith(join(root, 'dist')) || path === join(root, 'index.js')) delete require.cache[path];
  }
  const loaded = new Module(join(root, 'greeting.js'), module);
  loaded.filename = loaded.id;
  loaded.paths = module.paths;
  loaded._compile(code.replace('@/features/sse', 'ssekit'), loaded.id);
}

async function main() {
  // Streams and listeners do not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  for (let count = 0; count < Number(loads); count += 1) load();
  const sse = require('ssekit').SSEService.getInstance();
  const request = new Request('http://localhost/sse');
  const reader = sse.connect(request, { anonymous: true, clientId: 'tab' }).body.getReader();
  // Listeners are called before this one is, so whatever they send goes out first.
  sse.on('connect', ({ clientId }) => sse.sendToClient(clientId, { event: 'last', data: null }));
  let received = '';
  while (!received.includes('event: last')) received += new TextDecoder().decode((await reader.read()).value);
  process.send(received.match(/^event: greeting$/gm)?.length ?? 0);
  await reader.cancel();
  clearInterval(alive);
  process.disconnect();
}

main();
