/** The processes of a run: started, asked, and ended whatever happens. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const programs = join(here, '..', 'load', 'target', 'release');

/** A process that answers what it is asked. */
class Answering {
  #waiting = new Map();
  #last = 0;
  #ended;

  constructor(child, name) {
    this.child = child;
    this.name = name;
    child.once('exit', (code, signal) => this.#end(`ended with ${signal ?? code}`));
    child.once('error', (error) => this.#end(error.message));
  }

  /** The processes whose time and memory count. */
  pids() {
    return [this.child.pid];
  }

  /** Asks it to do something, and waits for its answer. */
  ask(op, args = {}) {
    if (this.#ended) return Promise.reject(new Error(`${this.name}: ${this.#ended}`));
    this.#last += 1;
    const id = this.#last;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.tell({ id, op, ...args });
    return answer;
  }

  /** It has answered. */
  heard(id, result, error) {
    const asked = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) asked?.reject(new Error(`${this.name}: ${error}`));
    else asked?.resolve(result);
  }

  async stop() {
    if (this.#ended) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  #end(how) {
    this.#ended = how;
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.name}: ${how}`));
    this.#waiting.clear();
  }
}

/** A process of Node.js. */
class NodeProcess extends Answering {
  constructor(child, name) {
    super(child, name);
    child.on('message', (message) => {
      if (message.id !== undefined) this.heard(message.id, message.result, message.error);
      else this.opened?.(message);
    });
  }

  tell(message) {
    this.child.send(message);
  }
}

/** A program of load/, which answers in order, by lines. */
class Program extends Answering {
  #asked = [];

  constructor(child, name) {
    super(child, name);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const answer = JSON.parse(line);
      if (this.#asked.length === 0 && this.opened) this.opened(answer);
      else this.heard(this.#asked.shift(), answer);
    });
  }

  tell({ id, ...message }) {
    this.#asked.push(id);
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }
}

/** Starts a server that runs in Node.js; it is there when it listens. */
export function startNode(script, args, { cwd, env = {} } = {}) {
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'];
  const child = fork(script, args, { cwd, env: { ...process.env, NODE_ENV: 'production', ...env }, stdio });
  return opened(new NodeProcess(child, args[0]));
}

/** Starts a contender's server in its own process. */
export const startHost = (contender, options) =>
  startNode(join(here, 'host.mjs'), [contender, JSON.stringify(options)]);

/** Starts pages of browsers. */
export const startVisitors = () => startNode(join(here, 'visitors.mjs'), []);

/** Starts a server without streams, `with` or `without` ssekit. */
export const startPlain = (how) => startNode(join(here, 'plain-server.mjs'), [how]);

/** Starts a program of load/ that listens. */
export const startProgram = (name) => opened(program(name));

/** Starts the load client. */
export const startLoad = () => program('load');

function program(name) {
  const child = spawn(join(programs, name), { stdio: ['pipe', 'pipe', 'inherit'] });
  return new Program(child, name);
}

async function opened(server) {
  const opening = new Promise((resolve) => {
    server.opened = resolve;
  });
  const failed = once(server.child, 'exit').then(([code]) =>
    Promise.reject(new Error(`${server.name}: ended with ${code}`)),
  );
  const late = delay(30_000, undefined, { ref: false }).then(() =>
    Promise.reject(new Error(`${server.name}: does not start`)),
  );
  failed.catch(() => {});
  late.catch(() => {});
  try {
    const { port, path } = await Promise.race([opening, failed, late]);
    return Object.assign(server, { port, path });
  } catch (error) {
    await server.stop();
    throw error;
  }
}
