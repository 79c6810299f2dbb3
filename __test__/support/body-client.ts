/** A client of Node's own, over HTTP/1.1, TLS or HTTP/2: it reads a stream as it comes, keeps little, and can stop reading. */
import { get as getHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { get as getHttps } from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { until } from './until';

export const PROTOCOLS = ['http', 'https', 'http2'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** The length up to which an event's data is kept. */
const KEPT_CHARACTERS = 200;

/** Ends of connections, from their beginning on. */
const open = new Set<() => void>();

/** Call it in `afterEach`: nothing stays connected. */
export function closeBodyClients(): void {
  for (const breakOff of open) breakOff();
  open.clear();
}

interface Carrier {
  body: Readable;
  status: number;
  headers: Record<string, unknown>;
  /** Ends this stream and nothing else. */
  leave(): void;
  /** Ends the connection without a word. */
  breakOff(): void;
}

export class BodyClient {
  readonly events: EventSourceMessage[] = [];
  /** Comments between events: heartbeats, for instance. */
  readonly comments: string[] = [];
  readonly status: number;
  readonly headers: Record<string, unknown>;
  /** The body came to its proper end. */
  isComplete = false;
  readonly #carrier: Carrier;

  private constructor(carrier: Carrier) {
    this.#carrier = carrier;
    this.status = carrier.status;
    this.headers = carrier.headers;
    const keep = (event: EventSourceMessage): void => {
      this.events.push({ ...event, data: event.data.slice(0, KEPT_CHARACTERS) });
    };
    const parser = createParser({ onEvent: keep, onComment: (comment) => this.comments.push(comment) });
    const decoder = new TextDecoder();
    carrier.body.on('data', (bytes) => parser.feed(decoder.decode(bytes, { stream: true })));
    carrier.body.on('end', () => {
      this.isComplete = true;
    });
    // A body that breaks off is not complete, which is all there is to know of it.
    carrier.body.on('error', () => {});
  }

  /** Opens a stream and waits for its first event. */
  static async open(protocol: Protocol, port: number, path = '/sse'): Promise<BodyClient> {
    const client = new BodyClient(
      await (protocol === 'http2' ? overHttp2(port, path) : overHttp1(protocol, port, path)),
    );
    await until('ssekit:ready', () => client.events[0]?.event === 'ssekit:ready');
    return client;
  }

  /** Waits for `count` events beside `ssekit:ready`, and returns them. */
  async next(count: number): Promise<EventSourceMessage[]> {
    return until(`${count} events`, () => this.events.length > count && this.events.slice(1));
  }

  /** Stops reading: soon nothing between here and the server takes any more. */
  pause(): void {
    this.#carrier.body.pause();
  }

  resume(): void {
    this.#carrier.body.resume();
  }

  /** Ends this stream, as a page that is closed does. */
  leave(): void {
    this.#carrier.leave();
  }

  /** Ends the connection without a word. */
  breakOff(): void {
    this.#carrier.breakOff();
  }
}

async function overHttp1(protocol: 'http' | 'https', port: number, path: string): Promise<Carrier> {
  const get = protocol === 'https' ? getHttps : getHttp;
  const options: RequestOptions = { port, path, host: '127.0.0.1', agent: false };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = get({ ...options, rejectUnauthorized: false } as RequestOptions, resolve);
    request.on('error', reject);
    open.add(() => request.destroy());
  });
  const socket: Socket = response.socket;
  return {
    body: response,
    status: response.statusCode ?? 0,
    headers: response.headers,
    leave: () => socket.end(),
    breakOff: () => response.destroy(),
  };
}

async function overHttp2(port: number, path: string): Promise<Carrier> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on('error', () => {});
  open.add(() => session.destroy());
  const stream = session.request({ ':path': path });
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the connection has ended')));
  });
  return {
    body: stream,
    status: Number(headers[':status']),
    headers,
    leave: () => stream.close(),
    breakOff: () => session.destroy(),
  };
}
