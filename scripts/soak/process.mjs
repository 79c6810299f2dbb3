/** The process that is watched, and how it is talked to. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../lib/paths.mjs';
import { Failure } from '../lib/run.mjs';

export class Watched {
  name;
  port;
  stderr = '';
  #child;
  #asked = 0;
  #answers = new Map();

  /** Starts `script`, which sends its port when it listens. */
  static async start(name, script, options, execArgv = ['--expose-gc']) {
    const watched = new Watched();
    const child = fork(join(root, 'scripts', 'soak', script), [JSON.stringify(options)], { stdio: 'pipe', execArgv });
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (text) => {
        watched.stderr += text;
      });
    }
    watched.name = name;
    watched.#child = child;
    watched.port = await new Promise((resolve, reject) => {
      child.once('message', ({ port }) => resolve(port));
      child.once('exit', (code) => reject(new Failure(`${name} ended with ${code}: ${watched.stderr}`)));
    });
    child.on('message', ({ id, result }) => {
      watched.#answers.get(id)?.(result);
      watched.#answers.delete(id);
    });
    return watched;
  }

  get isRunning() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  ask(command, ...args) {
    if (!this.isRunning) throw new Failure(`${this.name} has ended: ${this.stderr}`);
    this.#asked += 1;
    const id = this.#asked;
    this.#child.send({ id, command, args });
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  stop() {
    this.#child.kill('SIGKILL');
  }
}
