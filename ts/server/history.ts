/** Reads back what was sent. */
import type { ReadBack } from '../../binding.js';
import type { StoredEvent } from '../../index';
import { checkChannel, checkKnown, checkNumber, checkUserId } from './arguments.js';
import { native } from './binding.js';
import { checkCursor } from './details.js';
import { type ErrorCode, withCode } from './error-codes.js';
import { argumentError, unfitArgument } from './errors.js';

interface Audience {
  userId?: string;
  channel?: string;
}

export async function history(audience: unknown, options: unknown = {}): Promise<StoredEvent[]> {
  const { userId, channel } = checkAudience(audience);
  checkKnown('options', options, ['after', 'limit']);
  const { after, limit = 100 } = options as { after?: unknown; limit?: unknown };
  const [first, most] = [checkCursor('options.after', after), checkNumber('options.limit', limit, 1, 10_000)];
  const { events, problem, code } = await new Promise<ReadBack>((resolve) => {
    native().history(userId, channel, first, most, resolve);
  });
  if (problem !== undefined) throw withCode(new Error(problem), code as ErrorCode);
  return events.map(({ id, name, data, retry }) => ({
    id,
    ...(name === '' ? {} : { event: name }),
    data,
    ...(retry === undefined ? {} : { retry }),
  }));
}

function checkAudience(audience: unknown): Audience {
  const known = ['userId', 'channel', 'broadcast'] as const;
  checkKnown('audience', audience, known);
  const given = audience as { userId?: unknown; channel?: unknown; broadcast?: unknown };
  const named = known.filter((name) => given[name] !== undefined);
  const [only] = named;
  if (only === undefined || named.length > 1) {
    const got = named.join(' and ') || 'no audience';
    throw unfitArgument('audience', got, 'exactly one of userId, channel and broadcast: true');
  }
  if (only === 'userId') return { userId: checkUserId(given.userId) };
  if (only === 'channel') return { channel: checkChannel(given.channel) };
  if (given.broadcast !== true) throw argumentError('audience.broadcast', given.broadcast, 'true');
  return {};
}
