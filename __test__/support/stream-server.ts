/** A real HTTP server that answers as a test tells it to, for the client of a page. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './until';

export type Answer = (res: ServerResponse, req: IncomingMessage) => void;

/** The parts of a request. */
export interface Seen {
  method: string;
  path: string;
  query: Record<string, string>;
  channels: string[];
  headers: IncomingMessage['headers'];
  body: string;
  /** Its answer, to write more of it. */
  res: ServerResponse;
}

const running = new Set<StreamServer>();

/** Call it in `afterEach`. */
export async function stopStreamServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

export class StreamServer {
  readonly #server: Server;
  /** Of the requests to come; the last one also answers all after it. */
  answers: Answer[];
  readonly seen: Seen[] = [];

  private constructor(answers: Answer[]) {
    this.answers = answers;
    this.#server = createServer((req, res) => void this.#take(req, res));
  }

  static async start(answers: Answer[] = [], port = 0): Promise<StreamServer> {
    const server = new StreamServer(answers);
    server.#server.listen(port, '127.0.0.1');
    await once(server.#server, 'listening');
    running.add(server);
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/sse`;
  }

  /** Waits for the request with this number, the first of which is 1. */
  async request(number: number): Promise<Seen> {
    await until(`request ${number}`, () => this.seen.length >= number);
    return this.seen[number - 1] as Seen;
  }

  async stop(): Promise<void> {
    running.delete(this);
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  async #take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://localhost');
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const answer = (this.answers.length > 1 ? this.answers.shift() : this.answers[0]) ?? stream();
    this.seen.push({
      method: req.method ?? '',
      path: pathname,
      query: Object.fromEntries(searchParams),
      channels: searchParams.getAll('channel'),
      headers: req.headers,
      body: Buffer.concat(chunks).toString(),
      res,
    });
    answer(res, req);
  }
}

/** A stream that begins with this text, and stays open. */
export function stream(text = ':\n\n'): Answer {
  return (res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    res.write(text);
  };
}

/** A whole answer of another kind. */
export function refusal(status: number, headers: Record<string, string> = {}, body = ''): Answer {
  return (res) => res.writeHead(status, headers).end(body);
}

/** An answer to a change of channels. */
export function changed(outcome: object, status = 200): Answer {
  return refusal(status, { 'content-type': 'application/json' }, JSON.stringify(outcome));
}

/** An event as ssekit writes it. */
export function event(name: string, data: unknown, id?: string): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n${id === undefined ? '' : `id: ${id}\n`}\n`;
}

/** The first event of a connection. */
export function ready(more: object = {}, id?: string): string {
  return event('ssekit:ready', { clientId: 'c1', userId: 'ada', resumed: false, ...more }, id);
}
