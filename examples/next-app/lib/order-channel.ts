const PREFIX = 'order:';

/** The channel of everybody who watches an order. */
export function channelOf(orderId: string): string {
  return PREFIX + orderId;
}

/** The order of a channel; `undefined` for another kind of channel. */
export function orderIn(channel: string): string | undefined {
  return channel.startsWith(PREFIX) ? channel.slice(PREFIX.length) : undefined;
}
