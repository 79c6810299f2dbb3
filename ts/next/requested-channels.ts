/** The channels that a page asks for in the URL of its stream. */
import type { ConnectOptions } from '../../index';
import { native } from '../server/binding.js';
import { answer } from '../server/connect.js';
import { argumentError, grouped, rangeError } from '../server/errors.js';
import { identify, queryOf } from '../server/identity.js';
import { badRequest, forbidden, tooManyChannels } from '../server/refusals.js';
import { type Authorize, grantedOf } from './authorize.js';

/**
 * Returns the client with the channels that its page asks for, or the answer to a page that may not have one of them. Its
 * `EventSource` could not learn that a channel is missing.
 */
export async function withRequestedChannels(
  request: Request,
  client: ConnectOptions,
  authorize: Authorize | undefined,
): Promise<ConnectOptions | Response> {
  const { url } = request;
  const requested = [...new Set(queryOf(url).getAll('channel'))];
  const most = native().channelsPerClient();
  const given = client.channels;
  if (Array.isArray(given) && given.length > most) {
    return answer(tooManyChannels(excess('channels', given.length, most), 'the channels that `identify` returns', url));
  }
  if (requested.length === 0) return client;
  const identity = identify(client, { url, lastEventId: undefined, peer: undefined });
  if ('status' in identity) return answer(identity);
  for (const name of requested) {
    if (!native().isChannelName(name)) {
      const error = argumentError('channel', name, 'a name of 1 to 256 bytes without control characters');
      return answer(badRequest(`${error.message}.`, url));
    }
  }
  const own = identity.channels ?? [];
  const asked = requested.filter((name) => !own.includes(name));
  const channels = [...own, ...asked];
  if (channels.length > most) {
    const message = excess('channel', channels.length, most);
    return answer(tooManyChannels(message, 'the channels that the page asks for, with those of `identify`,', url));
  }
  const { clientId, userId = null } = identity;
  const granted = await grantedOf(asked, { clientId, userId }, request, authorize);
  const refused = asked.find((name) => !granted.has(name));
  if (refused === undefined) return { ...client, channels };
  const why = authorize
    ? `\`authorize\` does not let the page subscribe to ${JSON.stringify(refused)}`
    : 'the page asks for channels, and the route has no `authorize` that could grant them';
  const { message } = argumentError('channel', refused, 'a channel that the page may subscribe to');
  return answer(forbidden(`${message}.`, why, url));
}

function excess(argument: string, got: number, most: number): string {
  return rangeError(argument, `${grouped(got)} channels`, `at most ${grouped(most)} (limits.channelsPerClient)`)
    .message;
}
