/** The processes of the cluster example: Redis or a folder, two servers of the app, a worker, and nginx in front. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EXAMPLE_ENV, nextIn } from './example.mjs';
import { clusterExample } from './paths.mjs';
import { accepts, anyPort } from './ports.mjs';
import { Failure, signalGroup } from './run.mjs';

/** The maximum time each may take to end by itself. */
const PATIENCE_MS = 8_000;
const START_MS = 60_000;

export class Cluster {
  /** Where it is, for pages. */
  url;
  /** Where each server is, by name. */
  nodes = {};
  /** The address of Redis, or `dir`: the folder in its stead. */
  redis;
  dir;
  /** Process ids, by name. */
  pids = {};
  /** Resolves with what went wrong when one of them ends that was not told to. */
  broken;
  #app;
  #tools;
  #folder = mkdtempSync(join(tmpdir(), 'ssekit-cluster-'));
  #children = new Map();
  #isEnding = false;
  #break;

  /** `app`: the folder of the built app; `tools`: the paths of nginx and Redis. Without Redis, a folder connects the processes. */
  constructor(app, tools) {
    this.#app = app;
    this.#tools = tools;
    this.broken = new Promise((resolve) => {
      this.#break = resolve;
    });
    process.once('exit', () => this.#killAll());
  }

  /** Starts all of them, behind nginx on `port`, and resolves when pages can be had. */
  async start(port) {
    if (this.#tools.redis) await this.#startRedis();
    else this.dir = join(this.#folder, 'data');
    const env = { ...EXAMPLE_ENV, ...this.#clusterVariables() };
    await Promise.all([this.#startNode('A', env), this.#startNode('B', env), this.#startWorker(env)]);
    await this.#startNginx(port);
    this.url = `http://localhost:${port}`;
  }

  /** Ends all: first who lets anybody in, last what the others need. */
  async end() {
    this.#isEnding = true;
    for (const stage of [['nginx'], ['worker', 'A', 'B'], ['redis']]) {
      await Promise.all(stage.map((name) => this.#stop(this.#children.get(name))));
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The variables that make a server one of several. All servers must agree on who has logged in. */
  #clusterVariables() {
    return {
      ...(this.redis
        ? { SSEKIT_REDIS_URL: this.redis, DEMO_QUEUE_URL: this.redis }
        : { SSEKIT_REDIS_URL: '', SSEKIT_DATA_DIR: this.dir, DEMO_QUEUE_DIR: join(this.#folder, 'jobs') }),
      DEMO_DIR: join(this.#folder, 'demo'),
      DEMO_SESSION_SECRET: process.env.DEMO_SESSION_SECRET ?? randomBytes(32).toString('hex'),
    };
  }

  async #startRedis() {
    const port = await anyPort();
    // Nothing is kept: it is a demo. And nothing is thrown away for want of memory, which queues cannot bear.
    const config = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', this.#folder, ...config];
    this.#spawn('redis', this.#tools.redis, args, { quiet: true });
    await this.#until('redis', () => accepts(port, '127.0.0.1'));
    this.redis = `redis://127.0.0.1:${port}`;
  }

  async #startNode(name, env) {
    const port = await anyPort();
    const args = nextIn(this.#app, 'start', '--hostname', '127.0.0.1', '--port', String(port));
    const options = { cwd: this.#app, env: { ...env, PORT: String(port), DEMO_NODE: name } };
    this.#spawn(name, process.execPath, args, options);
    await this.#until(name, () => answers(`http://127.0.0.1:${port}/api/demo/state`));
    this.nodes[name] = `http://127.0.0.1:${port}`;
  }

  async #startWorker(env) {
    const program = this.redis ? 'worker.ts' : 'file-worker.ts';
    const child = this.#spawn('worker', process.execPath, ['--import', 'tsx', program], {
      cwd: clusterExample,
      env,
    });
    await this.#until('worker', () => child.output.includes('worker: ready'));
  }

  async #startNginx(port) {
    const file = join(this.#folder, 'nginx.conf');
    writeFileSync(file, this.#nginxConfiguration(port));
    this.#spawn('nginx', this.#tools.nginx, ['-p', this.#folder, '-c', file, '-e', 'stderr']);
    await this.#until('nginx', () => accepts(port, '127.0.0.1'));
  }

  /** The example's own, with ports that are free, and nothing written anywhere but into our folder. */
  #nginxConfiguration(port) {
    const [first, second] = Object.values(this.nodes).map((url) => new URL(url).host);
    const site = readFileSync(join(clusterExample, 'nginx.conf'), 'utf8')
      .replace('127.0.0.1:3001', first)
      .replace('127.0.0.1:3002', second)
      .replace('listen 127.0.0.1:3000', `listen 127.0.0.1:${port}`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${join(this.#folder, name)};`,
    );
    return `
      daemon off;
      worker_processes 1;
      pid ${join(this.#folder, 'nginx.pid')};
      events { worker_connections 1024; }
      http {
        access_log off;
        ${temporary.join(' ')}
        ${site}
      }`;
  }

  #spawn(name, program, args, { cwd = this.#folder, env = {}, quiet = false } = {}) {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    this.pids[name] = child.pid;
    child.output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        child.output = (child.output + text).slice(-10_000);
        if (!quiet && !this.#isEnding) process.stdout.write(text.replaceAll(/^(?=.)/gm, `${name} | `));
      });
    }
    child.closed = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(`ended with ${code ?? signal}`));
    });
    child.closed.then((how) => {
      child.isOver = true;
      if (!this.#isEnding) this.#break(new Failure(`${name} ${how}\n${quiet ? child.output : ''}`));
    });
    this.#children.set(name, child);
    return child;
  }

  async #until(name, condition) {
    const deadline = Date.now() + START_MS;
    while (!(await condition())) {
      if (this.#children.get(name).isOver) throw await this.broken;
      if (Date.now() > deadline) throw new Failure(`${name} has not started after ${START_MS / 1_000} seconds`);
      if (this.#isEnding) throw new Failure(`ended before ${name} had started`);
      await delay(50);
    }
  }

  async #stop(child) {
    if (!child || child.isOver) return;
    signalGroup(child, 'SIGTERM');
    await Promise.race([child.closed, delay(PATIENCE_MS, undefined, { ref: false })]);
    signalGroup(child, 'SIGKILL');
    await child.closed;
  }

  #killAll() {
    for (const child of this.#children.values()) if (!child.isOver) signalGroup(child, 'SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
