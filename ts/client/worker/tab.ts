/** A tab, as the worker sees it. */
import { hold, TAB_SILENT_MS, whenDead } from './alive.js';
import type { Heard, Opening, Told } from './messages.js';

/** The worker's own lock. */
const living = hold(new AbortController().signal);

/** The limits of bytes that a tab has not acknowledged, in number and in age. Beyond them, its stream ends, and it may resume later. */
const MOST_UNSEEN = 16 * 1_024 * 1_024;
const MOST_UNSEEN_MS = 60_000;

export interface TabListener {
  /** The tab wants a stream, and has none. */
  open(tab: Tab): void;
  /** The server has given its stream to this carrier. */
  joined(tab: Tab, key: string): void;
  /** The tab has a stream of its own. */
  alone(tab: Tab): void;
  /** The tab is gone, or its stream has ended. */
  left(tab: Tab): void;
}

export class Tab {
  readonly number: number;
  url = '';
  init: Opening = { headers: {}, credentials: undefined };
  /** Whether bytes of its stream have come. */
  isFlowing = false;
  readonly #port: MessagePort;
  readonly #listener: TabListener;
  readonly #leaving = new AbortController();
  #isAlive = (): void => {};
  #unseen = 0;
  #seenAt = 0;

  constructor(number: number, port: MessagePort, listener: TabListener) {
    this.number = number;
    this.#port = port;
    this.#listener = listener;
    port.addEventListener('message', ({ data }) => this.#hear(data));
    port.start();
    void living.then((lock) => this.#tell({ type: 'hello', lock }));
  }

  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  offer(keys: string[]): void {
    this.#tell({ type: 'carriers', number: this.number, keys });
  }

  give(bytes: Uint8Array<ArrayBuffer>): void {
    this.isFlowing = true;
    if (!this.#unseen) this.#seenAt = performance.now();
    if (this.#unseen > MOST_UNSEEN || performance.now() - this.#seenAt > MOST_UNSEEN_MS) {
      this.end();
      return;
    }
    this.#unseen += bytes.length;
    this.#tell({ type: 'bytes', bytes }, [bytes.buffer]);
  }

  /** Its stream has ended. */
  end(): void {
    this.#tell({ type: 'end' });
    this.#leave();
  }

  #hear(told: Told): void {
    if (this.signal.aborted) return;
    this.#isAlive();
    if (told.type === 'open') {
      [this.url, this.init] = [told.url, told.init];
      this.#isAlive = whenDead(
        told.lock,
        this.signal,
        TAB_SILENT_MS,
        () => this.end(),
        () => this.#tell({ type: 'ping' }),
      );
      this.#listener.open(this);
    } else if (told.type === 'joined') this.#listener.joined(this, told.key);
    else if (told.type === 'seen') {
      this.#unseen -= told.bytes;
      this.#seenAt = performance.now();
    } else {
      if (told.type === 'alone') {
        this.#listener.alone(this);
        this.#tell({ type: 'end' });
      }
      this.#leave();
    }
  }

  #tell(heard: Heard, transfer: Transferable[] = []): void {
    this.#port.postMessage(heard, transfer);
  }

  #leave(): void {
    if (this.signal.aborted) return;
    this.#leaving.abort();
    this.#listener.left(this);
    this.#port.close();
  }
}
