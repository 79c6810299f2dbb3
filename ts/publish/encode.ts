/** Encodes publications for a listener. */
import { checkChannel, checkClientId, checkUserId, type EncodedEvent, encodeEvent } from '../server/arguments.js';
import { hasCode } from '../server/error-codes.js';
import { argumentError, unfitArgument, unknownOption } from '../server/errors.js';
import { ownTrace, type TraceContext } from '../server/trace-context.js';
import type { Publication } from './publication.js';

/** The checked receivers of an event. */
export type Target =
  | { userId: string }
  | { clientId: string }
  | { channel: string }
  | { broadcast: true; excludeClientId?: string };

/** Puts the JSON together by hand, because an event's data is already JSON text. */
export function encode(target: Target, event: EncodedEvent, trace?: TraceContext): string {
  const { name, data, id, retry, coalesceKey } = event;
  const others = JSON.stringify({ event: name, id, retry, coalesceKey, ...trace });
  return `${JSON.stringify(target).slice(0, -1)},"event":${others.slice(0, -1)},"data":${data}}}`;
}

export function broadcastTarget(excludeClientId: unknown): Target {
  if (excludeClientId === undefined || excludeClientId === null) return { broadcast: true };
  return { broadcast: true, excludeClientId: checkClientId('excludeClientId', excludeClientId) };
}

/** Encodes one publication of a list. An error names its place in the list. `trace` is for an event that names none itself. */
export function encodeAt(publication: Publication, index: number, trace?: TraceContext): string {
  const place = `publications[${index}]`;
  if (typeof publication !== 'object' || publication === null) throw argumentError(place, publication, 'an object');
  checkAudience(place, publication);
  try {
    const { event } = publication;
    return encode(targetOf(publication), encodeEvent(event), ownTrace(event) ?? trace);
  } catch (error) {
    if (hasCode(error, 'ERR_SSEKIT_ARGUMENT') || hasCode(error, 'ERR_SSEKIT_RANGE')) {
      (error as Error).message = `${place}.${(error as Error).message}`;
    }
    throw error;
  }
}

const KNOWN = ['userId', 'clientId', 'channel', 'broadcast', 'excludeClientId', 'event'];

function checkAudience(place: string, publication: Publication): void {
  const unknown = Object.keys(publication).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw unknownOption(`${place}.${unknown}`, KNOWN);
  const { userId, clientId, channel, broadcast } = publication;
  const named = Object.entries({ userId, clientId, channel, broadcast }).filter(([, value]) => value !== undefined);
  if (named.length === 1) return;
  const got = named.map(([name]) => name).join(' and ') || 'no audience';
  throw unfitArgument(place, got, 'exactly one of userId, clientId, channel and broadcast: true');
}

function targetOf({ userId, clientId, channel, broadcast, excludeClientId }: Publication): Target {
  if (broadcast !== undefined) {
    if (broadcast !== true) throw argumentError('broadcast', broadcast, 'true');
    return broadcastTarget(excludeClientId);
  }
  if (excludeClientId !== undefined) {
    const named = channel !== undefined ? 'channel' : userId !== undefined ? 'userId' : 'clientId';
    throw unfitArgument('excludeClientId', `it with ${named}`, 'it only with broadcast: true');
  }
  if (channel !== undefined) return { channel: checkChannel(channel) };
  return userId === undefined ? { clientId: checkClientId('clientId', clientId) } : { userId: checkUserId(userId) };
}
