/** Small programs in `__test__/programs`, each its own process, as a user's would be. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { until } from './until';

/** The end of a process: its exit code, or the signal that ended it. */
type End = number | NodeJS.Signals;

const running = new Set<Program>();

/** Call it in `afterEach`: ends every program that still runs. */
export function killPrograms(): void {
  for (const program of running) program.kill('SIGKILL');
}

export class Program {
  readonly #child: ChildProcess;
  /** Its messages over Node's IPC channel. */
  readonly messages: unknown[] = [];
  stdout = '';
  stderr = '';
  #end: End | undefined;

  /** Starts `__test__/programs/<name>`, by another program, if there is one, that then becomes Node. */
  constructor(name: string, args: string[] = [], execArgv: string[] = [], by: string[] = []) {
    const [first, ...others] = [...by, process.execPath];
    const how = { execPath: first, execArgv: [...others, ...execArgv] };
    this.#child = fork(join(__dirname, '..', 'programs', name), args, { stdio: 'pipe', ...how });
    this.#child.stdout?.on('data', (text) => {
      this.stdout += text;
    });
    this.#child.stderr?.on('data', (text) => {
      this.stderr += text;
    });
    this.#child.on('message', (message) => this.messages.push(message));
    // `close`, not `exit`: then everything that it wrote has been read.
    this.#child.once('close', (code, signal) => {
      this.#end = signal ?? code ?? 0;
      running.delete(this);
    });
    running.add(this);
  }

  /** Runs a program that sends one message and ends well, and returns that message. */
  static async result<T>(name: string, args: string[] = [], execArgv: string[] = []): Promise<T> {
    const program = new Program(name, args, execArgv);
    await program.ends();
    expect(program.ending).toEqual({ end: 0, stderr: '' });
    return program.messages[0] as T;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The end of a process, and its complaints. */
  get ending(): { end: End | undefined; stderr: string } {
    return { end: this.#end, stderr: this.stderr };
  }

  send(message: string): void {
    this.#child.send(message);
  }

  /** Sends a message and waits for the next one that comes back. */
  async ask<T>(message: string): Promise<T> {
    const before = this.messages.length;
    this.send(message);
    return this.message<T>(before);
  }

  /** Waits for the message with this number. */
  async message<T>(number = 0): Promise<T> {
    await until(`message ${number}: ${this.stderr}`, () => this.messages.length > number || this.#end !== undefined);
    if (this.messages.length <= number) throw new Error(`the program has ended with ${this.#end}: ${this.stderr}`);
    return this.messages[number] as T;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until it has ended, by itself or by what was done to it. */
  async ends(): Promise<End> {
    await until('the program to end', () => this.#end !== undefined);
    return this.#end as End;
  }
}
