/** Users' code without Next.js: plain scripts on each Node.js, and tests under Jest, as CommonJS and as ES modules. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { install, installSource, json, write } from './app.mjs';
import { JEST, NODES } from './lines.mjs';
import { command } from './process.mjs';
import { nodeOf } from './tools.mjs';

const BABEL_PRESET = '7.29.0';
const JEST_SCRIPT = join('node_modules', 'jest', 'bin', 'jest.js');
const MAJORS = Object.keys(NODES).map(Number);

export const SCRIPTS = [
  ...MAJORS.flatMap((node) => [
    { name: `node ${node} script CommonJS`, node, args: ['script.cjs'] },
    { name: `node ${node} script ES module`, node, args: ['script.mjs'] },
  ]),
  { name: 'jest test transformed to CommonJS', node: 20, args: [JEST_SCRIPT, '--ci', 'transformed.test.js'] },
  {
    name: 'jest test as native ES module',
    node: 20,
    args: ['--experimental-vm-modules', JEST_SCRIPT, '--ci', 'native.test.mjs'],
  },
];

/** Where no package of a platform fits, `ssekit build` builds one with cargo. */
export const FROM_SOURCE = [{ name: 'node 20 script built from source', node: 20, args: ['script.cjs'] }];

export async function makeFromSource(log, workspace) {
  const folder = mkdtempSync(join(workspace, 'source-'));
  write(folder, { 'package.json': json({ name: 'source', private: true }), 'script.cjs': COMMONJS_SCRIPT });
  await installSource(log, workspace, folder);
  return folder;
}

export async function makeScripts(log, workspace) {
  const folder = mkdtempSync(join(workspace, 'scripts-'));
  write(folder, {
    'package.json': json({
      name: 'scripts',
      private: true,
      devDependencies: { jest: JEST, '@babel/preset-env': BABEL_PRESET },
      babel: { presets: [['@babel/preset-env', { targets: { node: 'current' } }]] },
      jest: { testMatch: ['**/*.test.?(m)js'] },
    }),
    'script.mjs': `${SERVER}\n${SCRIPT}`,
    'script.cjs': COMMONJS_SCRIPT,
    'transformed.test.js': `${SERVER}\n${TEST}`,
    'native.test.mjs': `${SERVER}\n${TEST}`,
  });
  await install(log, workspace, folder, 'npm');
  return folder;
}

/** Returns the transport that carried the event. */
export async function runScript(log, folder, { node, args }) {
  const output = await command(log, await nodeOf(node), args, { cwd: folder });
  const transport = /TRANSPORT (\w+)/.exec(output)?.[1];
  if (!transport) throw new Error('it said nothing of a transport');
  return transport;
}

/** A server with a stream, a client of it, and one event: `delivered()` returns what carried it. */
const SERVER = `import { createServer } from 'node:http';
import { SSEService } from 'ssekit';
import { handleSSE } from 'ssekit/node';

async function delivered() {
  const server = createServer((req, res) => handleSSE(req, res, { userId: 'ada' }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const leave = new AbortController();
  const response = await fetch('http://127.0.0.1:' + server.address().port, { signal: leave.signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value;
  SSEService.getInstance().sendToUser('ada', { event: 'greeting', data: 'hello' });
  while (!text.includes('event: greeting\\ndata: "hello"\\n')) {
    const { value, done } = await reader.read();
    if (done) throw new Error('the stream ended without its event: ' + text);
    text += value;
  }
  const { transports } = SSEService.getInstance().stats();
  leave.abort();
  await new Promise((resolve) => server.close(resolve));
  return Object.keys(transports).filter((name) => transports[name] > 0).join();
}`;

const SCRIPT = "delivered().then((transport) => console.log('TRANSPORT ' + transport));";

const COMMONJS_SCRIPT = `${SERVER.replaceAll(/^import (.+) from (.+);$/gm, 'const $1 = require($2);')}\n${SCRIPT}`;

const TEST = `
test('an event arrives', async () => {
  console.log('TRANSPORT ' + (await delivered()));
});`;
