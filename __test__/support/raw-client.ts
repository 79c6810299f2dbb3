/** An HTTP/1.1 client that hides nothing: the bytes as they came, the head, the chunks, and the events by a third-party parser. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { until } from './until';

export interface RequestOptions {
  method?: string;
  path?: string;
  version?: '1.0' | '1.1';
  headers?: Record<string, string>;
  tls?: boolean;
  /** Default: 127.0.0.1. */
  host?: string;
  /** More bytes right behind the request. */
  trailing?: string;
}

export type Message = EventSourceMessage & { retry?: number };

const open = new Set<RawClient>();

/** Call it in `afterEach`: nothing stays connected. */
export function closeClients(): void {
  for (const client of open) client.destroy();
}

export class RawClient {
  readonly socket: Socket;
  /** Everything that came. */
  received = Buffer.alloc(0);
  /** The peer has ended its side, or the connection broke. */
  ended = false;
  error: NodeJS.ErrnoException | undefined;
  #kept = Number.POSITIVE_INFINITY;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]).subarray(-this.#kept);
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.ended = true;
      open.delete(this);
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    open.add(this);
  }

  /** Connects to a port, or a socket's path. */
  static async connect(address: number | string, options: RequestOptions = {}): Promise<RawClient> {
    const { tls = false, host = '127.0.0.1' } = options;
    const at = typeof address === 'string' ? { path: address } : { port: address, host, rejectUnauthorized: false };
    const socket = tls ? connectTls(at) : connect(at);
    const client = new RawClient(socket);
    await new Promise((resolve, reject) => {
      socket.once(tls ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  /** The same, and sends a request. It does not wait for the answer. */
  static async request(address: number | string, options: RequestOptions = {}): Promise<RawClient> {
    const client = await RawClient.connect(address, options);
    client.send(options);
    return client;
  }

  /** Sends another request on this connection. Earlier answers are forgotten. */
  send(options: RequestOptions = {}): void {
    const { method = 'GET', path = '/sse', version = '1.1', headers = {}, trailing = '' } = options;
    this.received = Buffer.alloc(0);
    const lines = Object.entries({ host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`${method} ${path} HTTP/${version}\r\n${lines.join('')}\r\n${trailing}`);
  }

  /** Opens a stream and waits for its first event. */
  static async stream(address: number | string, options: RequestOptions = {}): Promise<RawClient> {
    const client = await RawClient.request(address, options);
    await client.ready();
    return client;
  }

  /** The data of `ssekit:ready`. */
  ready(): Promise<{ clientId: string; userId: string | null; resumed: boolean }> {
    return until('ssekit:ready', () => {
      const event = this.events().find((event) => event.event === 'ssekit:ready');
      return event && JSON.parse(event.data);
    });
  }

  /** Waits for `count` events beside `ssekit:ready`, and returns them. */
  async next(count: number): Promise<Message[]> {
    return until(`${count} events`, () => {
      const events = this.events().filter((event) => event.event !== 'ssekit:ready');
      return events.length >= count && events;
    });
  }

  get headText(): string {
    const end = this.received.indexOf('\r\n\r\n');
    return end < 0 ? '' : this.received.toString('latin1', 0, end);
  }

  get status(): number {
    return Number(this.headText.split(' ', 2)[1]);
  }

  /** Header lines in lower case: `name: value`. */
  get headerLines(): string[] {
    return this.headText.toLowerCase().split('\r\n').slice(1);
  }

  /** The body without its framing. Throws if the chunked framing is broken. */
  get body(): Buffer {
    const start = this.received.indexOf('\r\n\r\n');
    if (start < 0) return Buffer.alloc(0);
    const rest = this.received.subarray(start + 4);
    return this.headerLines.includes('transfer-encoding: chunked') ? Buffer.concat(dechunk(rest)) : rest;
  }

  /** The last chunk has come: the response was ended and not broken off. */
  get isComplete(): boolean {
    return this.received.subarray(-7).equals(Buffer.from('\r\n0\r\n\r\n'));
  }

  events(): Message[] {
    const events: Message[] = [];
    let retry: number | undefined;
    const parser = createParser({
      onEvent: (event) => {
        events.push(retry === undefined ? event : { ...event, retry });
        retry = undefined;
      },
      onRetry: (value) => {
        retry = value;
      },
    });
    parser.feed(new TextDecoder().decode(this.body));
    return events;
  }

  /** Keeps only the last bytes from now on, for data that is too large to look at. */
  keepOnly(bytes: number): void {
    this.#kept = bytes;
  }

  /** Closes with FIN in both directions. */
  end(): void {
    this.socket.end();
  }

  /** Closes with RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
    open.delete(this);
  }
}

function dechunk(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) break;
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`not a chunk size: ${JSON.stringify(line)} at ${at}`);
    const size = Number.parseInt(line, 16);
    const end = lineEnd + 2 + size;
    if (size > 0 && end + 2 <= bytes.length && bytes.toString('latin1', end, end + 2) !== '\r\n') {
      throw new Error(`a chunk of ${size} bytes does not end where it should`);
    }
    chunks.push(bytes.subarray(lineEnd + 2, Math.min(end, bytes.length)));
    at = end + 2;
  }
  return chunks;
}
