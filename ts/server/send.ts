/** The sending calls. */
import type { SSEEvent } from '../../index';
import { checkChannel, checkClientId, checkUserId, type EncodedEvent, encodeEvent } from './arguments.js';
import { native } from './binding.js';
import { activeTracer, type Tracer } from './opentelemetry.js';
import { type Destination, describeEvent, describeReceivers, inSpan } from './send-span.js';

interface Sending<Result> {
  to: Destination;
  /** The checked id of the receivers. A broadcast has only that of the client which does not receive. */
  check(address: unknown): string | undefined;
  deliver(address: string | undefined, event: EncodedEvent): Result;
}

export const USER: Sending<number> = {
  to: 'user',
  check: checkUserId,
  deliver: (userId, { name, data, id, retry, coalesceKey }) =>
    native().sendToUser(userId as string, name, data, id, retry, coalesceKey),
};

export const CLIENT: Sending<boolean> = {
  to: 'client',
  check: (clientId) => checkClientId('clientId', clientId),
  deliver: (clientId, { name, data, id, retry, coalesceKey }) =>
    native().sendToClient(clientId as string, name, data, id, retry, coalesceKey),
};

export const CHANNEL: Sending<number> = {
  to: 'channel',
  check: checkChannel,
  deliver: (channel, { name, data, id, retry, coalesceKey }) =>
    native().sendToChannel(channel as string, name, data, id, retry, coalesceKey),
};

export const BROADCAST: Sending<number> = {
  to: 'broadcast',
  check: (excluded) => (excluded == null ? undefined : checkClientId('excludeClientId', excluded)),
  deliver: (excluded, { name, data, id, retry, coalesceKey }) =>
    native().broadcast(excluded, name, data, id, retry, coalesceKey),
};

/** Sends, in a span if the app traces. Errors in an event are thrown before anything is sent. */
export function send<Result extends number | boolean>(
  sending: Sending<Result>,
  address: unknown,
  event: SSEEvent,
): Result {
  const tracer = activeTracer();
  if (tracer !== undefined) return traced(tracer, sending, address, event);
  return sending.deliver(sending.check(address), encodeEvent(event, mostBytes));
}

function traced<Result extends number | boolean>(
  tracer: Tracer,
  { to, check, deliver }: Sending<Result>,
  address: unknown,
  event: SSEEvent,
): Result {
  return inSpan(tracer, { to, events: [event] }, (span) => {
    const checked = check(address);
    const encoded = encodeEvent(event, mostBytes);
    describeEvent(span, to === 'broadcast' ? undefined : checked, encoded);
    const result = deliver(checked, encoded);
    describeReceivers(span, Number(result));
    return result;
  });
}

const mostBytes = (): number => native().maxEventBytes();
