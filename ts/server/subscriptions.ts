/** Arguments of the calls that change subscriptions: whose, and since when. */
import type { Target as NativeTarget } from '../../binding.js';
import { checkClientId, checkKnown, checkUserId } from './arguments.js';
import { checkCursor } from './details.js';
import { argumentError } from './errors.js';

export function checkTarget(target: unknown): NativeTarget {
  checkKnown('target', target, ['clientId', 'userId']);
  const { clientId, userId } = target as { clientId?: unknown; userId?: unknown };
  if ((clientId === undefined) === (userId === undefined)) {
    throw argumentError('target', target, 'an object with either `clientId` or `userId`');
  }
  return clientId === undefined
    ? { userId: checkUserId(userId) }
    : { clientId: checkClientId('target.clientId', clientId) };
}

export function sinceIn(options: unknown = {}): string | undefined {
  checkKnown('options', options, ['since']);
  return checkCursor('options.since', (options as { since?: unknown }).since);
}
