/** What is published, and what comes of it. */
import type { SSEEvent, UserId } from '../../index';

/** An event, and whom it is for: one of `userId`, `clientId` and `broadcast`. */
export type Publication<T = unknown, Name extends string = string> = { event: SSEEvent<T, Name> } & (
  | { userId: UserId; clientId?: never; broadcast?: never; excludeClientId?: never }
  | { clientId: string; userId?: never; broadcast?: never; excludeClientId?: never }
  | { broadcast: true; excludeClientId?: string | null; userId?: never; clientId?: never }
);

/** What became of a publication. */
export interface Receipt {
  /** Connected clients that it was addressed to. */
  clients: number;
  /** The event's id. `null` if no client has the `clientId`, and always if the server has a backplane. */
  id: string | null;
}

export interface PublishOptions {
  /**
   * A listener publishes what comes under one key only once within ten minutes: where a webhook may be delivered twice, give it
   * what names the reason (the id of a payment, say). 1 to 256 printable ASCII characters. Default: a new UUID.
   */
  idempotencyKey?: string;
}
