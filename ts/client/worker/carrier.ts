/** The connection that carries the streams of several tabs, as the worker sees it. */
import { createFrameReader } from './frames.js';
import { CARRIER, type Opening, VERSION } from './messages.js';
import type { Tab } from './tab.js';

/** Timeout of the request for a carrier. A development server may have to compile its route first. */
const OPENING_MS = 30_000;

/** Timeout of a stream's first bytes. The server sends them together with the answer to the tab, so a later silence means a broken connection. */
const SILENT_MS = 10_000;

export class Carrier {
  readonly key: string;
  /** Tabs whose stream it carries, or may carry soon, by number. */
  readonly tabs = new Map<number, Tab>();
  readonly #url: string;
  readonly #init: Opening;
  readonly #abort: AbortController;
  /** Numbers of the streams that the server was asked to end. */
  readonly #leaving = new Set<number>();
  readonly #onEnd: () => void;

  private constructor(
    key: string,
    tab: Tab,
    body: ReadableStream<Uint8Array>,
    abort: AbortController,
    onEnd: () => void,
  ) {
    this.key = key;
    this.#url = tab.url;
    this.#init = tab.init;
    this.#abort = abort;
    this.#onEnd = onEnd;
    void this.#read(body);
  }

  /**
   * Opens a carrier with this tab's credentials and the browser's present cookies. Returns undefined if that fails, and `null` if the
   * server does not know carriers.
   */
  static async open(tab: Tab, onEnd: (carrier: Carrier) => void): Promise<Carrier | null | undefined> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), OPENING_MS);
    try {
      const { headers, body, status } = await ask(tab.url, tab.init, 'open', abort.signal);
      const key = headers.get(CARRIER);
      if (status === 200 && key && body) {
        const carrier: Carrier = new Carrier(key, tab, body, abort, () => onEnd(carrier));
        return carrier;
      }
      // Most likely, an older server has answered with a stream.
      abort.abort();
      return status === 200 ? null : undefined;
    } catch {
      // The tab's own request will meet the same fault, and report it.
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The server has given this tab's stream to the carrier. */
  expect(tab: Tab): void {
    setTimeout(() => tab.isFlowing || tab.signal.aborted || this.close(), SILENT_MS);
  }

  /** Forgets a tab. `isServed`: the server may be sending the tab's stream, and has to end it. */
  remove(tab: Tab, isServed: boolean): void {
    if (!this.tabs.delete(tab.number)) return;
    // The server ends a carrier without streams as well.
    if (this.tabs.size === 0) this.close();
    else if (isServed) void this.#leave(tab.number);
  }

  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#onEnd();
    for (const tab of this.tabs.values()) tab.end();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const take = createFrameReader((number, bytes) => this.#take(number, bytes));
    const reader = body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        take(value);
      }
    } catch {
      // The connection was cut, or `close` has aborted it.
    }
    this.close();
  }

  #take(number: number, bytes: Uint8Array<ArrayBuffer>): void {
    const tab = this.tabs.get(number);
    if (!bytes.length) {
      this.#leaving.delete(number);
      if (tab) this.remove(tab, false);
      tab?.end();
    } else if (tab) tab.give(bytes);
    // Its tab left before the server knew of the stream.
    else void this.#leave(number);
  }

  async #leave(number: number): Promise<void> {
    if (this.#leaving.has(number)) return;
    this.#leaving.add(number);
    try {
      const { status } = await ask(this.#url, this.#init, `leave ${number} ${this.key}`, this.#abort.signal);
      if (status === 204) return;
    } catch {
      // Most likely, the carrier's connection is broken as well.
    }
    // The carrier's other tabs reconnect, and lose nothing.
    this.close();
  }
}

function ask(url: string, { headers, credentials }: Opening, what: string, signal: AbortSignal): Promise<Response> {
  const own = { ...headers, [CARRIER]: `${VERSION} ${what}` };
  return fetch(url, { headers: own, credentials, signal, cache: 'no-store' });
}
