/** Other people's clients, each in its own process, as their users run them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from './until';

const FOLDER = join(__dirname, '..', 'clients');

/** The one that `npm test` has prepared with the clients in it. */
export const PYTHON = process.env.PYTHON_PATH ?? join(__dirname, '..', '..', '.cache', 'python', 'bin', 'python');

/** Events that may come in any stream. An unnamed event is one that a client has made of something that is none. */
const OWN_NAMES = ['ssekit:ready', 'ssekit:reset', 'message'];

export interface ClientEvent {
  name: string;
  data: string;
  id: string;
}

type Told = { stream: number; event?: ClientEvent; ended?: string };

/** A stream as a client sees it. */
export class ThirdPartyStream {
  readonly #client: ThirdPartyClient;
  readonly url: string;
  readonly names: string[];
  /** Everything that the client has emitted. */
  readonly events: ClientEvent[] = [];
  closed = false;

  constructor(client: ThirdPartyClient, url: string, names: string[]) {
    this.#client = client;
    this.url = url;
    this.names = names;
  }

  /** Waits for an event of this name, and returns all until then. */
  async upTo(name: string): Promise<ClientEvent[]> {
    await until(`the event ${name}`, () => {
      if (this.#client.ended) throw new Error(`the client has ended: ${this.#client.stderr}`);
      return this.events.some((event) => event.name === name);
    });
    return this.events;
  }
}

export class ThirdPartyClient {
  readonly #child: ChildProcess;
  readonly #streams: ThirdPartyStream[] = [];
  ended = false;
  stderr = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.once('exit', () => {
      this.ended = true;
    });
    child.stderr?.on('data', (text) => {
      this.stderr += text;
    });
    // It may be gone when it is written to; `ended` tells.
    child.stdin?.on('error', () => {});
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      this.#hear(JSON.parse(line)),
    );
  }

  /** `file` is one of `__test__/clients`. */
  static start(file: string): ThirdPartyClient {
    const isPython = file.endsWith('.py');
    if (isPython && !existsSync(PYTHON)) throw new Error(`${PYTHON} is missing: \`npm test\` prepares it`);
    const command: [string, string, string] = isPython
      ? [PYTHON, 'main.py', file.replace(/\.py$/, '')]
      : [process.execPath, 'main.mjs', file];
    return new ThirdPartyClient(spawn(command[0], [join(FOLDER, command[1]), command[2]], { stdio: 'pipe' }));
  }

  /** Opens a stream. `names` are what it is to listen for, where a client has to be told. */
  open(url: string, names: string[]): ThirdPartyStream {
    const stream = new ThirdPartyStream(this, url, [...new Set([...OWN_NAMES, ...names])]);
    this.#streams.push(stream);
    this.#connect(stream);
    return stream;
  }

  close(stream: ThirdPartyStream): void {
    stream.closed = true;
    this.#command({ stream: this.#streams.indexOf(stream), close: true });
  }

  #connect(stream: ThirdPartyStream): void {
    const { url, names, events } = stream;
    this.#command({ stream: this.#streams.indexOf(stream), url, names, lastEventId: events.at(-1)?.id });
  }

  #command(command: object): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  #hear({ stream: number, event, ended }: Told): void {
    const stream = this.#streams[number];
    if (!stream || stream.closed) return;
    if (event) stream.events.push(event);
    // Such a client leaves it to its user to connect again, with the id that it told last.
    if (ended) this.#connect(stream);
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }
}
