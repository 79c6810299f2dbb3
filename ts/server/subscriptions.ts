/** Arguments of the calls that change subscriptions: whose, and since when. */
import type { Target as NativeTarget } from '../../binding.js';
import { checkClientId, checkKnown, checkUserId } from './arguments.js';
import { checkCursor } from './details.js';
import { unfitArgument } from './errors.js';

export function checkTarget(target: unknown): NativeTarget {
  checkKnown('target', target, ['clientId', 'userId']);
  const { clientId, userId } = target as { clientId?: unknown; userId?: unknown };
  if ((clientId === undefined) === (userId === undefined)) {
    const got = clientId === undefined ? 'neither clientId nor userId' : 'both clientId and userId';
    throw unfitArgument('target', got, 'exactly one of them');
  }
  return clientId === undefined
    ? { userId: checkUserId(userId) }
    : { clientId: checkClientId('target.clientId', clientId) };
}

export function sinceIn(options: unknown = {}): string | undefined {
  checkKnown('options', options, ['since']);
  return checkCursor('options.since', (options as { since?: unknown }).since);
}
