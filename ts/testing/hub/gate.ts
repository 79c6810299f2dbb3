/** Lets clients in, as far as the limits allow. */
import type { Asked } from '../../../binding.js';
import type { RefusalReason } from '../../../index';
import type { Client } from './client.js';
import { addressFull, draining, full, userFull } from './errors.js';
import type { Settings } from './settings.js';

export class Gate {
  isClosed = false;
  readonly refusals = new Map<RefusalReason, number>();

  constructor(readonly settings: Settings) {}

  /** A client that takes another's place is always let in. */
  enter({ userId, address, peer }: Asked, connected: Client[], replaces: boolean): void {
    if (this.isClosed) throw this.refused('draining', draining());
    if (replaces) return;
    const limit = (name: string): number => this.settings.number(`limits.${name}`);
    const count = (isSuch: (client: Client) => boolean): number => connected.filter(isSuch).length;
    if (connected.length >= limit('clients')) throw this.refused('clients', full(limit('clients')));
    const from = address ?? peer;
    if (from !== undefined && count(({ info }) => info.address === from) >= limit('clientsPerAddress')) {
      throw this.refused('address', addressFull(limit('clientsPerAddress')));
    }
    if (userId !== undefined && count(({ info }) => info.user === userId) >= limit('clientsPerUser')) {
      throw this.refused('user', userFull(limit('clientsPerUser')));
    }
  }

  /** Counts a refusal. Returns its error. */
  refused(reason: RefusalReason, error: Error): Error {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
    return error;
  }
}
