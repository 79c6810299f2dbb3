/** Publications and their receipts. */
import type { SSEEvent, UserId } from '../../index';

/** An event and its receivers: one of `userId`, `clientId`, `channel` and `broadcast`. */
export type Publication<T = unknown, Name extends string = string> = { event: SSEEvent<T, Name> } & (
  | { userId: UserId; clientId?: never; channel?: never; broadcast?: never; excludeClientId?: never }
  | { clientId: string; userId?: never; channel?: never; broadcast?: never; excludeClientId?: never }
  | { channel: string; userId?: never; clientId?: never; broadcast?: never; excludeClientId?: never }
  | { broadcast: true; excludeClientId?: string | null; userId?: never; clientId?: never; channel?: never }
);

/** The result of a publication. */
export interface Receipt {
  /** The number of connected clients that the event was addressed to. */
  clients: number;
  /** The event's id. `null` if no client has the `clientId`, and always `null` if the server has a backplane. */
  id: string | null;
}

export interface PublishOptions {
  /**
   * A listener publishes only once per key within ten minutes. If a webhook may be delivered twice, use a key that names the reason,
   * for instance the id of a payment. 1 to 256 printable ASCII characters. Default: a new UUID.
   */
  idempotencyKey?: string;
}
