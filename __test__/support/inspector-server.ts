/** Serves the page of the inspector with its policy, as the package does, and answers it as a test tells it to. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Line } from '../../ts/inspector/wire/lines';
import { until } from './until';

const FOLDER = join(__dirname, '..', '..', 'crates', 'ssekit-inspector', 'src');

interface Refusal {
  status: number;
  error?: string;
  headers?: Record<string, string>;
}

/** A request by POST. */
export interface Posted {
  headers: IncomingMessage['headers'];
  url: string;
  /** As it was sent. */
  text: string;
}

/** An open watch. */
export class ServedWatch {
  readonly find: string | undefined;
  readonly #res: ServerResponse;

  constructor(find: string | undefined, res: ServerResponse) {
    this.find = find;
    this.#res = res;
  }

  get isOver(): boolean {
    return this.#res.destroyed;
  }

  write(...lines: Line[]): void {
    this.writeText(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  writeText(text: string): void {
    this.#res.write(text);
  }

  /** Breaks the connection. */
  cut(): void {
    this.#res.destroy();
  }
}

const running = new Set<InspectorServer>();

/** Call it in `afterEach`. */
export function stopInspectorServers(): void {
  for (const server of running) server.stop();
}

export class InspectorServer {
  readonly #server: Server;
  readonly watches: ServedWatch[] = [];
  readonly posted: Posted[] = [];
  /** Paths that were asked for and are not the page. */
  readonly elsewhere: string[] = [];
  /** Refusals that the next requests get in place of an answer, one after the other. */
  refusals: Refusal[] = [];
  /** The token that every request needs. */
  token: string | undefined;
  /** The answer to `send` and `disconnect`. */
  answer: object = {};

  private constructor() {
    this.#server = createServer((req, res) => void this.#take(req, res));
    running.add(this);
  }

  static async start(): Promise<InspectorServer> {
    const server = new InspectorServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/admin/inspector`;
  }

  /** Waits for the watch with this number, the first of which is 1. */
  async watch(number: number): Promise<ServedWatch> {
    await until(`watch ${number}`, () => this.watches.length >= number);
    return this.watches[number - 1] as ServedWatch;
  }

  /** Waits for a request that is no watch, and returns its body as text. */
  async command(number = 1): Promise<string> {
    const commands = (): Posted[] => this.posted.filter(({ text }) => !text.startsWith('{"watch"'));
    await until(`command ${number}`, () => commands().length >= number);
    return commands()[number - 1]?.text as string;
  }

  stop(): void {
    running.delete(this);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method, url = '', headers } = req;
    if (new URL(url, this.origin).pathname !== '/admin/inspector') {
      this.elsewhere.push(url);
      res.writeHead(404).end();
    } else if (method === 'GET') {
      servePage(res);
    } else {
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      this.posted.push({ headers, url, text });
      this.#answer(text, headers, res);
    }
  }

  #answer(text: string, { authorization }: IncomingMessage['headers'], res: ServerResponse): void {
    const isUnknown = this.token !== undefined && authorization !== `Bearer ${this.token}`;
    const refusal = isUnknown ? { status: 401, error: 'The token is missing or wrong.' } : this.refusals.shift();
    const body = JSON.parse(text) as { watch?: { find?: string } };
    if (refusal) {
      const { status, error, headers } = refusal as Refusal;
      res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ error }));
    } else if (body.watch) {
      res.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders();
      this.watches.push(new ServedWatch(body.watch.find, res));
    } else {
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.answer));
    }
  }
}

function servePage(res: ServerResponse): void {
  res.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'content-security-policy': readFileSync(join(FOLDER, 'page.csp'), 'utf8'),
  });
  res.end(readFileSync(join(FOLDER, 'page.html')));
}
