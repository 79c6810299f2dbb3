/** The body of a page's request to change the channels of its stream. */

import { checkKnown, HEADER_TEXT, isWellFormed } from '../server/arguments.js';
import { native } from '../server/binding.js';
import { argumentError, grouped, rangeError, unfitArgument } from '../server/errors.js';
import { CLIENT_ID } from '../server/identity.js';

/** A channel, and the cursor that the page begins at. */
export interface ChannelRequest {
  channel: string;
  since?: string;
}

export interface ChangeRequest {
  /** The client that the page says it is. */
  clientId: string;
  subscribe: ChannelRequest[];
  unsubscribe: string[];
  /** An event id of its stream. */
  lastEventId: string | undefined;
}

const MEMBERS = ['clientId', 'subscribe', 'unsubscribe', 'lastEventId'];

const NAME = 'the name of a channel: 1 to 256 bytes without control characters';

/** Throws if it cannot be used. */
export function parseChange(body: string): ChangeRequest {
  const asked = objectOf('body', parsed(body), MEMBERS);
  const { clientId, lastEventId } = asked;
  if (!isText(clientId) || !CLIENT_ID.test(clientId)) {
    throw argumentError('clientId', clientId, HEADER_TEXT);
  }
  if (lastEventId !== undefined && !isText(lastEventId)) throw argumentError('lastEventId', lastEventId, 'a string');
  const subscribe = distinct('subscribe', listOf('subscribe', asked.subscribe).map(channelRequestOf));
  const leaves = listOf('unsubscribe', asked.unsubscribe).map((name, index) => ({
    channel: nameOf(`unsubscribe[${index}]`, name),
  }));
  const unsubscribe = distinct('unsubscribe', leaves).map(({ channel }) => channel);
  if (subscribe.length + unsubscribe.length === 0) {
    throw unfitArgument('body', 'no channel', 'at least one in subscribe or unsubscribe');
  }
  return { clientId, subscribe, unsubscribe, lastEventId };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && isWellFormed(value);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw argumentError('body', body, `JSON: an object { ${MEMBERS.join('?, ')}? }`, { cause });
  }
}

function objectOf(argument: string, value: unknown, members: readonly string[]): Record<string, unknown> {
  checkKnown(argument, value, members);
  return value as Record<string, unknown>;
}

function listOf(argument: string, value: unknown): unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw argumentError(argument, value, 'an array');
  return value;
}

function channelRequestOf(value: unknown, index: number): ChannelRequest {
  const place = `subscribe[${index}]`;
  if (typeof value === 'string') return { channel: nameOf(place, value) };
  const { channel, since } = objectOf(place, value, ['channel', 'since']);
  if (since !== undefined && !isText(since)) throw argumentError(`${place}.since`, since, 'a string');
  return { channel: nameOf(`${place}.channel`, channel), since };
}

function nameOf(argument: string, name: unknown): string {
  if (!isText(name) || !native().isChannelName(name)) throw argumentError(argument, name, NAME);
  return name;
}

/** If a channel is there several times, the first counts. */
function distinct(argument: string, requests: ChannelRequest[]): ChannelRequest[] {
  const byChannel = new Map<string, ChannelRequest>();
  for (const request of requests) if (!byChannel.has(request.channel)) byChannel.set(request.channel, request);
  const most = native().channelsPerClient();
  if (byChannel.size > most) {
    throw rangeError(
      argument,
      `${grouped(byChannel.size)} channels`,
      `at most ${grouped(most)} (limits.channelsPerClient)`,
    );
  }
  return [...byChannel.values()];
}
