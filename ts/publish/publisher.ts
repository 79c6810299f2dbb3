/** The sending half of the service, over HTTP. */
import type { SSEEvent, UserId } from '../../index';
import { checkClientId, checkUserId } from '../server/arguments.js';
import { argumentError } from '../server/errors.js';
import { deliver } from './deliver.js';
import { broadcastTarget, encode, encodeAt, type Target } from './encode.js';
import { PublishError } from './error.js';
import type { PublisherOptions } from './options.js';
import type { Publication, PublishOptions, Receipt } from './publication.js';
import { type Settings, settingsOf } from './settings.js';

/**
 * Sends to a listener's clients. Data is read when a method is called. Each call is one request, tried again if need be, under a
 * key by which the listener publishes it once even if it was its answer that got lost. Two calls of which the second does not
 * wait for the first may arrive in either order; `publish` keeps an order.
 *
 * Errors: an argument that cannot be used rejects with the service's own `TypeError` (code `ERR_SSEKIT_ARGUMENT`), everything
 * else with a `PublishError`.
 */
export interface Publisher {
  /** Sends to all connections of a user. Resolves with how many connected clients it was addressed to. */
  sendToUser<T = unknown, Name extends string = string>(userId: UserId, event: SSEEvent<T, Name>): Promise<number>;

  /** Sends to one client. Resolves with whether it is connected. */
  sendToClient<T = unknown, Name extends string = string>(clientId: string, event: SSEEvent<T, Name>): Promise<boolean>;

  /** Sends to every client but `excludeClientId`. Resolves with how many connected clients it was addressed to. */
  broadcast<T = unknown, Name extends string = string>(
    event: SSEEvent<T, Name>,
    excludeClientId?: string | null,
  ): Promise<number>;

  /** Sends several events in one request, in this order: all of them, or none if one is refused. */
  publish<const Names extends readonly string[]>(
    publications: { [Index in keyof Names]: Publication<unknown, Names[Index]> },
    options?: PublishOptions,
  ): Promise<Receipt[]>;
}

/**
 * A publisher for the listener at `url`. It holds no connection and need not be closed. Throws a `TypeError` or `RangeError` that
 * names the option which cannot be used.
 */
export function createPublisher(options: PublisherOptions = {}): Publisher {
  return new HttpPublisher(settingsOf(options));
}

class HttpPublisher implements Publisher {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async sendToUser(userId: UserId, event: SSEEvent): Promise<number> {
    return (await this.#one({ userId: checkUserId(userId) }, event)).clients;
  }

  async sendToClient(clientId: string, event: SSEEvent): Promise<boolean> {
    return (await this.#one({ clientId: checkClientId('clientId', clientId) }, event)).clients > 0;
  }

  async broadcast(event: SSEEvent, excludeClientId?: string | null): Promise<number> {
    return (await this.#one(broadcastTarget(excludeClientId), event)).clients;
  }

  async publish(publications: readonly Publication[], options: PublishOptions = {}): Promise<Receipt[]> {
    if (!Array.isArray(publications)) throw argumentError('publications', publications, 'an array');
    const key = checkKey(options?.idempotencyKey);
    const bodies = publications.map(encodeAt);
    if (bodies.length === 0) return [];
    return this.#deliver(`[${bodies.join(',')}]`, bodies.length, key);
  }

  async #one(target: Target, event: SSEEvent): Promise<Receipt> {
    const [receipt] = await this.#deliver(encode(target, event), 1);
    return receipt as Receipt;
  }

  async #deliver(body: string, count: number, key: string = crypto.randomUUID()): Promise<Receipt[]> {
    const receipts = await deliver(this.#settings, body, key);
    if (receipts.length === count) return receipts;
    throw new PublishError(`${receipts.length} receipts came for ${count} events`, { status: 200, attempts: 1 });
  }
}

function checkKey(key: unknown): string | undefined {
  if (key === undefined || (typeof key === 'string' && /^(?! )[ -~]{1,256}(?<! )$/.test(key))) return key;
  throw argumentError('options.idempotencyKey', key, '1 to 256 printable ASCII characters');
}
