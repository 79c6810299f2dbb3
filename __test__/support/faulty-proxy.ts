/** A proxy between a publisher and a listener that does to each request what the test says. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { until } from './until';

/**
 * - `pass`: nothing goes wrong.
 * - `lost`: it reaches the listener, and the connection ends before the answer.
 * - `cut`: the answer ends in the middle.
 * - `never`: it reaches the listener, and there is no answer.
 * - `late`: it reaches the listener only after the next request has.
 * - an object: this answer, and it does not reach the listener.
 */
export type Fault = 'pass' | 'lost' | 'cut' | 'never' | 'late' | Answer;

export interface Answer {
  status: number;
  body?: string;
  headers?: Record<string, string>;
}

const running = new Set<FaultyProxy>();

/** Call it in `afterEach`. */
export function stopProxies(): void {
  for (const proxy of running) proxy.stop();
}

export class FaultyProxy {
  readonly #server: Server;
  readonly #upstream: number;
  readonly #faults: Fault[];
  readonly #next: Fault;
  /** The requests so far, each with its time. */
  readonly requests: { key: string | undefined; body: string; at: number }[] = [];

  private constructor(upstream: number, faults: Fault[], next: Fault) {
    this.#upstream = upstream;
    this.#faults = faults;
    this.#next = next;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error) => response.destroy(error));
    });
    running.add(this);
  }

  /** The faults of the first requests, and of all that follow. */
  static async start(upstream: number, faults: Fault[], next: Fault = 'pass'): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(upstream, faults, next);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    running.delete(this);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await buffer(request)).toString();
    const count = this.requests.push({
      key: request.headers['idempotency-key'] as string,
      body,
      at: performance.now(),
    });
    const fault = this.#faults[count - 1] ?? this.#next;
    if (typeof fault === 'object') {
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    }
    if (fault === 'late') await until('the next attempt', () => this.requests.length > count);
    const answer = await this.#forward(request, body);
    if (fault === 'pass' || fault === 'late') response.writeHead(answer.status, answer.headers).end(answer.body);
    if (fault === 'lost') response.destroy();
    if (fault === 'cut') {
      response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
      response.write(answer.body.slice(0, 5), () => response.destroy());
    }
  }

  async #forward({ method, url, headers }: IncomingMessage, body: string): Promise<Required<Answer>> {
    const { authorization = '', 'content-type': type = '', 'idempotency-key': key } = headers;
    const response = await fetch(`http://127.0.0.1:${this.#upstream}${url}`, {
      method,
      headers: { authorization, 'content-type': type, ...(key && { 'idempotency-key': key as string }) },
      body,
    });
    const replayed = response.headers.get('idempotency-replayed');
    const headersOut: Record<string, string> = replayed ? { 'idempotency-replayed': replayed } : {};
    return { status: response.status, body: await response.text(), headers: headersOut };
  }
}
