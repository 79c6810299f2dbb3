/** Servers that are no Node.js programs: events are posted to them, and they tell how many clients they have. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { send } from './operations.mjs';

/** Why it cannot be measured here: a file that its Debian package brings is missing. */
export function missing(file, packageName) {
  try {
    accessSync(file);
    return undefined;
  } catch {
    return `needs Debian's ${packageName}`;
  }
}

/** Free ports, because these programs need theirs as an argument. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = await Promise.all(servers.map((server) => once(server, 'listening').then(() => server.address().port)));
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

/** A folder of its own for a server's files. */
export const scratch = (name) => mkdtempSync(join(tmpdir(), `ssekit-bench-${name}-`));

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** One request over one connection that stays open. Resolves with the body. */
export function ask(port, path, { method = 'GET', headers = {}, body = '' } = {}) {
  return new Promise((resolve, reject) => {
    const options = { port, path, method, headers: { 'content-length': Buffer.byteLength(body), ...headers }, agent };
    const asked = request({ host: '127.0.0.1', ...options }, async (response) => {
      let text = '';
      for await (const part of response.setEncoding('utf8')) text += part;
      if (response.statusCode < 300) resolve(text);
      else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

/** A broker with the same methods as the benchmark's other servers. `isUp` says whether it answers. */
export class Broker {
  constructor(command, args, { folder, port, path, isUp, broadcast, clients }) {
    this.child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    Object.assign(this, {
      folder,
      port,
      path,
      isUp,
      operations: { ...operations, broadcast: (how) => send({ ...how, to: broadcast }), clients },
    });
  }

  async started() {
    const deadline = Date.now() + 30_000;
    while (!(await this.isUp().catch(() => false))) {
      if (Date.now() > deadline || this.child.exitCode !== null) {
        // Else it would stay, and the benchmark with it.
        await this.stop();
        throw new Error('the broker does not start');
      }
      await delay(50);
    }
    return this;
  }

  /** It, and all that it has started. */
  pids() {
    return family(this.child.pid);
  }

  ask(op, args) {
    return this.operations[op](args);
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      const pids = this.pids();
      this.child.kill('SIGTERM');
      await Promise.race([ended, delay(5_000)]);
      for (const pid of pids) kill(pid);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const operations = { rest: () => delay(200), flush: () => undefined };

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended as it was asked to.
  }
}

function family(pid) {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(name)]);
  const found = [pid];
  for (const known of found) found.push(...parents.filter(([, parent]) => parent === known).map(([child]) => child));
  return found;
}

function parentOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[1]);
  } catch {
    return 0;
  }
}
