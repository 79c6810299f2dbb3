/** The sending calls of the service, over HTTP. */
import type { SSEEvent, UserId } from '../../index';
import { checkChannel, checkClientId, checkUserId, encodeEvent, HEADER_TEXT } from '../server/arguments.js';
import { argumentError } from '../server/errors.js';
import { activeTracer, type Span } from '../server/opentelemetry.js';
import {
  type Beginning,
  type Destination,
  describeEvent,
  describeReceivers,
  inSpanAsync,
} from '../server/send-span.js';
import { ownTrace } from '../server/trace-context.js';
import { deliver } from './deliver.js';
import { broadcastTarget, encode, encodeAt, type Target } from './encode.js';
import { PublishError } from './error.js';
import type { PublisherOptions } from './options.js';
import type { Publication, PublishOptions, Receipt } from './publication.js';
import { type Settings, settingsOf } from './settings.js';
import { addressOf, beginningOf, clientsOf, serverOf, traceOf } from './span.js';

/**
 * Sends to a listener's clients. A method reads its data when you call it. Each call is one request, which is tried again if need be.
 * Its key lets the listener publish it only once, even if only the answer was lost. If a call does not wait for the one before, the
 * two may arrive in either order. `publish` keeps the order of its events.
 *
 * Errors: an argument that cannot be used rejects with the service's own `TypeError` (code `ERR_SSEKIT_ARGUMENT`). Everything else
 * rejects with a `PublishError`.
 */
export interface Publisher {
  /** Sends to all connections of a user. Resolves with the number of connected clients that the event was addressed to. */
  sendToUser<T = unknown, Name extends string = string>(userId: UserId, event: SSEEvent<T, Name>): Promise<number>;

  /** Sends to one client. Resolves with `true` if it is connected, otherwise `false`. */
  sendToClient<T = unknown, Name extends string = string>(clientId: string, event: SSEEvent<T, Name>): Promise<boolean>;

  /** Sends to all subscribers of a channel. Resolves with the number of connected clients that the event was addressed to. */
  sendToChannel<T = unknown, Name extends string = string>(channel: string, event: SSEEvent<T, Name>): Promise<number>;

  /**
   * Sends to every client except `excludeClientId`. Resolves with the number of connected clients that the event was addressed to.
   */
  broadcast<T = unknown, Name extends string = string>(
    event: SSEEvent<T, Name>,
    excludeClientId?: string | null,
  ): Promise<number>;

  /** Sends several events in one request, in this order. If one is refused, no event is sent. */
  publish<const Names extends readonly string[]>(
    publications: { [Index in keyof Names]: Publication<unknown, Names[Index]> },
    options?: PublishOptions,
  ): Promise<Receipt[]>;
}

/**
 * Makes a publisher for the listener at `url`. It holds no connection, and you need not close it. Throws a `TypeError` or `RangeError`
 * that names the option that cannot be used.
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
    return this.#one('user', () => ({ userId: checkUserId(userId) }), event);
  }

  async sendToClient(clientId: string, event: SSEEvent): Promise<boolean> {
    return (await this.#one('client', () => ({ clientId: checkClientId('clientId', clientId) }), event)) > 0;
  }

  async sendToChannel(channel: string, event: SSEEvent): Promise<number> {
    return this.#one('channel', () => ({ channel: checkChannel(channel) }), event);
  }

  async broadcast(event: SSEEvent, excludeClientId?: string | null): Promise<number> {
    return this.#one('broadcast', () => broadcastTarget(excludeClientId), event);
  }

  async publish(publications: readonly Publication[], options: PublishOptions = {}): Promise<Receipt[]> {
    if (!Array.isArray(publications)) throw argumentError('publications', publications, 'an array');
    const key = checkKey(options?.idempotencyKey);
    if (publications.length === 0) return [];
    return this.#inSpan(
      () => beginningOf(publications),
      async (span) => {
        // A listener takes a key only with the same body again, and the next delivery of a webhook is another span.
        const trace = key === undefined ? traceOf(span) : undefined;
        const bodies = publications.map((publication, index) => encodeAt(publication, index, trace));
        const receipts = await this.#deliver(`[${bodies.join(',')}]`, bodies.length, key);
        if (span) describeReceivers(span, clientsOf(receipts));
        return receipts;
      },
    );
  }

  /** Sends one event. Returns the number of connected clients that it was addressed to. */
  async #one(to: Destination, target: () => Target, event: SSEEvent): Promise<number> {
    return this.#inSpan(
      () => ({ to, events: [event] }),
      async (span) => {
        const checked = target();
        const encoded = encodeEvent(event);
        if (span) describeEvent(span, addressOf(checked), encoded);
        const body = encode(checked, encoded, ownTrace(event) ?? traceOf(span));
        const [receipt] = (await this.#deliver(body, 1)) as [Receipt];
        if (span) describeReceivers(span, receipt.clients);
        return receipt.clients;
      },
    );
  }

  /** Sends in a span, if the app traces. */
  #inSpan<Result>(beginning: () => Beginning, send: (span?: Span) => Promise<Result>): Promise<Result> {
    const tracer = activeTracer();
    if (tracer === undefined) return send();
    const { attributes, ...others } = beginning();
    return inSpanAsync(tracer, { ...others, attributes: { ...attributes, ...serverOf(this.#settings) } }, send);
  }

  async #deliver(body: string, count: number, key: string = crypto.randomUUID()): Promise<Receipt[]> {
    const receipts = await deliver(this.#settings, body, key);
    if (receipts.length === count) return receipts;
    throw new PublishError(`the listener answered ${count} events with ${receipts.length} receipts`, {
      status: 200,
      attempts: 1,
    });
  }
}

function checkKey(key: unknown): string | undefined {
  if (key === undefined || (typeof key === 'string' && /^(?! )[ -~]{1,256}(?<! )$/.test(key))) return key;
  throw argumentError('options.idempotencyKey', key, HEADER_TEXT);
}
