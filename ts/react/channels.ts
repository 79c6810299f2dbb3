/**
 * The channels that the components of a page want on one stream. It knows from where on the stream has each, and up to where it had one
 * that was left, so that a component that comes with an earlier cursor misses nothing and gets nothing twice.
 */
import type { ClientEvent } from '../client/index.js';
import { isUpTo } from './positions.js';

/** The part of a client that changes its channels. */
interface ChannelClient {
  readonly cursor: string | undefined;
  subscribe(channel: string, options?: { since?: string | undefined }): void;
  unsubscribe(channel: string): void;
}

interface Wanted {
  count: number;
  since: string | undefined;
}

export class Channels {
  readonly #wanted = new Map<string, Wanted>();
  /** The channels that the stream has, each with the cursor from which on. */
  readonly #begun = new Map<string, string>();
  /** The channels that the stream had, each with the cursor up to which. */
  readonly #left = new Map<string, string>();
  /** The stream may lack events of a channel that a component needs. */
  readonly #onGap: () => void;
  #client: ChannelClient | undefined;

  constructor(onGap: () => void) {
    this.#onGap = onGap;
  }

  /** A connection begins after the cursor. */
  open(client: ChannelClient, since: string | undefined): void {
    this.#client = client;
    // The stream is open before it has the channel: without a cursor, what is sent in between would be lost.
    for (const [channel, wanted] of this.#wanted) {
      wanted.since = since ?? wanted.since;
      client.subscribe(channel, { since: wanted.since });
    }
  }

  close(): void {
    this.#client = undefined;
    this.#begun.clear();
    this.#left.clear();
  }

  /** Adds a channel for as long as somebody wants it. */
  join(channel: string, since: string | undefined): () => void {
    const wanted = this.#wanted.get(channel) ?? { count: 0, since };
    this.#wanted.set(channel, wanted);
    if (!wanted.count) {
      wanted.since = later(since, this.#left.get(channel));
      this.#client?.subscribe(channel, { since: wanted.since });
    } else if (this.#lacks(channel, wanted, since)) {
      this.#onGap();
    }
    wanted.count += 1;
    return () => {
      wanted.count -= 1;
      setTimeout(() => {
        if (!wanted.count && this.#wanted.get(channel) === wanted) this.#leave(channel);
      });
    };
  }

  /** Learns from the stream where channels begin and end. `start`: where the connection has begun. */
  follow({ event, id, data }: ClientEvent, start: string | undefined): void {
    const { channel, channels = [] } = (data ?? {}) as { channel?: string; channels?: string[] };
    if (event === 'ssekit:ready') {
      for (const name of channels) if (!this.#begun.has(name)) this.#begin(name, start ?? id);
    } else if (event === 'ssekit:subscribed' && channel !== undefined) {
      this.#begin(channel, this.#wanted.get(channel)?.since ?? id);
    } else if (event === 'ssekit:unsubscribed' && channel !== undefined) {
      this.#end(channel, id);
    } else if (event === 'ssekit:reset') {
      // Earlier events cannot be relied on, and every component that is there fetches its state.
      for (const name of channel === undefined ? [...this.#wanted.keys()] : [channel]) this.#restart(name, id);
      if (channel === undefined) this.#left.clear();
    }
  }

  /** Whether the stream may have the channel only from a later place on. */
  #lacks(channel: string, wanted: Wanted, since: string | undefined): boolean {
    if (since === undefined || !this.#client) return false;
    return isUpTo(this.#begun.get(channel) ?? wanted.since, since) !== true;
  }

  #leave(channel: string): void {
    this.#wanted.delete(channel);
    // The stream has had everything up to here; it says itself where exactly the channel ends.
    this.#end(channel, this.#client?.cursor);
    this.#client?.unsubscribe(channel);
  }

  #begin(channel: string, cursor: string): void {
    this.#begun.set(channel, cursor);
    this.#left.delete(channel);
  }

  #restart(channel: string, cursor: string): void {
    const wanted = this.#wanted.get(channel);
    if (wanted) wanted.since = cursor;
    if (this.#begun.has(channel)) this.#begun.set(channel, cursor);
    this.#left.delete(channel);
  }

  /** A channel that the stream never had is not left, either. */
  #end(channel: string, cursor: string | undefined): void {
    const was = this.#begun.delete(channel) || this.#left.has(channel);
    if (was && cursor !== undefined) this.#left.set(channel, cursor);
  }
}

/** The cursor after which events are missing: the component has not seen them, and the stream has not had them. */
function later(since: string | undefined, left: string | undefined): string | undefined {
  return since !== undefined && isUpTo(since, left) ? left : since;
}
