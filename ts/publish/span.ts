/** The attributes of a call's span: its publications and its listener. */
import type { Attributes, Span } from '../server/opentelemetry.js';
import type { Beginning, Destination } from '../server/send-span.js';
import { type TraceContext, traceContextOf } from '../server/trace-context.js';
import type { Target } from './encode.js';
import type { Publication, Receipt } from './publication.js';
import type { Settings } from './settings.js';

/** The publications have not been checked: the span also records what is wrong with them. */
export function beginningOf(publications: readonly Publication[]): Beginning {
  const destinations = new Set(publications.map(destinationOf));
  const [first] = destinations;
  return {
    to: destinations.size === 1 ? first : undefined,
    events: publications.map((publication) => publication?.event),
    attributes: { 'messaging.batch.message_count': publications.length },
  };
}

function destinationOf(publication: Publication): Destination | undefined {
  const { userId, clientId, channel, broadcast } = publication ?? {};
  if (userId !== undefined) return 'user';
  if (clientId !== undefined) return 'client';
  if (channel !== undefined) return 'channel';
  return broadcast === undefined ? undefined : 'broadcast';
}

/** The id of the receivers. */
export function addressOf(target: Target): string | undefined {
  if ('userId' in target) return target.userId;
  if ('clientId' in target) return target.clientId;
  return 'channel' in target ? target.channel : undefined;
}

export function serverOf({ url }: Settings): Attributes {
  const { hostname, port, protocol } = new URL(url);
  return { 'server.address': hostname, 'server.port': Number(port || (protocol === 'https:' ? 443 : 80)) };
}

/** The trace that an event without its own belongs to. */
export function traceOf(span: Span | undefined): TraceContext | undefined {
  return span && traceContextOf(span.spanContext());
}

export function clientsOf(receipts: readonly Receipt[]): number {
  return receipts.reduce((sum, { clients }) => sum + clients, 0);
}
