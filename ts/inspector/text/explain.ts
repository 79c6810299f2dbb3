/** Explains the server's words, in a few words. */
import type { DisconnectReason, NotHandedOffReason, RefusalReason } from '../../../index';
import type { Audience, ClientRow } from '../wire/lines.js';

const TRANSPORTS: Record<ClientRow['transport'], [label: string, meaning: string]> = {
  handoff: ['handed off', 'Native code writes to the socket; Node.js is not involved.'],
  stream: ['Node', 'Node.js carries the stream, which costs event-loop time.'],
  listener: ['listener', 'The listener of ssekit carries the stream.'],
  opening: ['opening', 'The stream is about to begin.'],
  elsewhere: ['other node', 'Another process has the connection.'],
};

const NOT_HANDED_OFF: Record<NotHandedOffReason, string> = {
  transport: 'transport: "stream" is set, or this is Windows',
  protocol: 'TLS, HTTP/2, or a connection that is not a socket of Node.js',
  shared: 'the tabs of a browser share the connection',
  response: 'it is not certain which response carries the stream',
  body: 'an adapter or a transform reads the body',
  wrapped: 'something between the stream and the socket may change what is written',
  head: 'the head is not that of a plain event stream',
  request: "the request's body was not read to its end",
  bytes: 'Node.js wrote other bytes than the head and the first event',
  system: 'the system refused, for example because no descriptors are left',
};

const DISCONNECTS: Record<DisconnectReason, string> = {
  peer: 'the page closed the connection',
  server: 'the server ended it',
  replaced: 'a newer connection has the same client id',
  unopened: 'nobody read the response',
  protocol: 'the peer sent what no event-stream client sends',
  fault: 'an internal fault of ssekit',
  timeout: 'sent data stayed unacknowledged',
  slow: 'the client lagged too much',
  drained: 'the hub was drained',
  expired: 'the ticket expired',
};

const REFUSALS: Record<RefusalReason, string> = {
  clients: 'limits.clients was reached',
  user: 'limits.clientsPerUser was reached',
  address: 'limits.clientsPerAddress was reached',
  claimed: 'the client id belongs to another user',
  draining: 'the hub drains',
};

const RESETS: Record<string, string> = {
  unknown: 'the history does not know its last event',
  evicted: 'the history no longer has the events that it missed',
};

/** By the kind of entry. A newer server may have words that this page does not know. */
export const MEANINGS: Record<string, Record<string, string>> = {
  disconnect: DISCONNECTS,
  refusal: REFUSALS,
  reset: RESETS,
  notHandedOff: NOT_HANDED_OFF,
};

export function meaning(kind: string, reason: string): string {
  const known = MEANINGS[kind] ?? {};
  return Object.hasOwn(known, reason) ? (known[reason] as string) : '';
}

export function transportLabel({ transport, notHandedOff, shared }: ClientRow): string {
  const [label] = TRANSPORTS[transport] ?? [transport];
  const reason = notHandedOff === 'shared' && shared ? undefined : notHandedOff;
  return [label, reason, shared && 'shared'].filter(Boolean).join(' · ');
}

export function transportMeaning({ transport, notHandedOff, shared }: ClientRow): string {
  const [, meant] = TRANSPORTS[transport] ?? ['', ''];
  const why = notHandedOff && meaning('notHandedOff', notHandedOff);
  const reason = notHandedOff ? ` Not handed off (${notHandedOff})${why ? `: ${why}.` : '.'}` : '';
  return `${meant}${reason}${shared && notHandedOff !== 'shared' ? ' Tabs of a browser share it.' : ''}`;
}

/** The parts of a sentence; every second one is foreign. */
export function audienceParts(to: Audience): string[] {
  if ('all' in to) return to.except === undefined ? ['everyone'] : ['everyone except ', to.except];
  const [kind, name] = Object.entries(to)[0] ?? ['?', ''];
  return [`${kind} `, String(name)];
}
