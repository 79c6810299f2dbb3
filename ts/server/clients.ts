/** The details of connected clients. */
import type { ClientDetails } from '../../index';
import { checkChannel, checkKnown, checkUserId } from './arguments.js';
import { native } from './binding.js';
import { SharedCarrier } from './shared-carrier.js';

export function getClients(filter: unknown = {}): ClientDetails[] {
  checkKnown('filter', filter, ['userId', 'channel']);
  const { userId, channel } = filter as { userId?: unknown; channel?: unknown };
  const clients = native().getClients(
    userId === undefined ? undefined : checkUserId(userId),
    channel === undefined ? undefined : checkChannel(channel),
  );
  const counts = SharedCarrier.counts();
  return clients.map((client) => ({
    id: client.id,
    member: client.member,
    userId: client.userId ?? null,
    data: client.data === undefined ? undefined : JSON.parse(client.data),
    connectedAt: new Date(client.connectedAt),
    transport: client.transport as ClientDetails['transport'],
    ...(counts.has(client.id) && { sharedBy: counts.get(client.id) }),
    channels: client.channels,
  }));
}
