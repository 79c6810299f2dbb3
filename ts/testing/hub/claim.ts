/** Whose place a client may take, and where it goes on: the rules of native code, in their order. */
import { randomUUID } from 'node:crypto';

import type { Asked } from '../../../binding.js';
import { RESERVED_PREFIX } from './checks.js';
import type { Client, ResetReason, Subscription } from './client.js';
import { newKey, type Position, splitKey } from './epoch.js';
import { EventLog } from './event-log.js';
import type { Earlier, Registry } from './registry.js';

export interface Claim {
  id: string;
  bringsId: boolean;
  predecessor: Client | undefined;
  key: string | undefined;
  /** The last event id, without a key at its end. */
  lastEventId: string | undefined;
  /** The client that has the requested id and may be somebody else's. */
  stranger: Client | undefined;
}

export function claimOf(asked: Asked, registry: Registry): Claim {
  const { clientId, userId } = asked;
  const shown = asked.byUrl || asked.lastEventId === undefined ? undefined : splitKey(asked.lastEventId)?.key;
  const predecessor = clientId === undefined ? undefined : registry.predecessor(clientId, userId, shown);
  const ownKey = predecessor?.info.key;
  const lastEventId = withoutKey(asked.lastEventId, shown !== undefined && shown === ownKey, registry);
  const claim: Claim = {
    id: clientId ?? randomUUID(),
    bringsId: clientId !== undefined,
    predecessor,
    key: undefined,
    lastEventId,
    stranger: undefined,
  };
  if (clientId === undefined || userId !== undefined) return claim;
  if (predecessor) return { ...claim, key: ownKey };
  const known = registry.known(clientId);
  const stranger = known?.info.user === undefined ? known : undefined;
  if (stranger) return { ...claim, id: randomUUID(), bringsId: false, stranger };
  return { ...claim, key: newKey() };
}

/** An application's own id may look as if it ended with a key, so that is removed only where it is certain. */
function withoutKey(id: string | undefined, isOwn: boolean, { timeline }: Registry): string | undefined {
  const split = id === undefined ? undefined : splitKey(id);
  if (!split) return id;
  const isOurs = split.bare.startsWith(RESERVED_PREFIX) || timeline.epoch.positionOf(split.bare) !== undefined;
  return isOwn || isOurs ? split.bare : id;
}

/** The sources that a client reads besides the broadcasts. */
export interface Reads {
  userLog: EventLog | undefined;
  own: EventLog | undefined;
  subscriptions: Subscription[];
}

export interface Resumed {
  cursor: Position;
  owes: ResetReason | undefined;
  /** The id that `ssekit:ready` repeats. */
  keptId: string | undefined;
}

export function resume(asked: Asked, claim: Claim, reads: Reads, registry: Registry): Resumed {
  const { timeline } = registry;
  const seenId = claim.lastEventId ?? asked.since;
  const isNew = claim.bringsId && !claim.predecessor;
  const missing = asked.clientId !== undefined && isNew ? registry.missingOf(asked.clientId) : 0;
  const found = locate(asked, claim, reads, registry, seenId, missing);
  const seen = found.owes === undefined && seenId !== undefined ? found.cursor : undefined;
  if (found.owes === undefined && claim.stranger && claim.stranger.newestOwn > (seen ?? 0)) {
    return { cursor: timeline.head, owes: 'evicted', keptId: undefined };
  }
  return found;
}

function locate(
  asked: Asked,
  claim: Claim,
  reads: Reads,
  registry: Registry,
  seenId: string | undefined,
  missing: Position,
): Resumed {
  const { timeline } = registry;
  const now = (owes?: ResetReason): Resumed => ({ cursor: timeline.head, owes, keptId: undefined });
  const parts = partsOf(reads, timeline.broadcasts);
  if (seenId === undefined) {
    if (asked.clientId === undefined) return now();
    const earlier = registry.earlier(asked.clientId, asked.userId, claim.predecessor ?? claim.stranger);
    return now(earlier && hasMissed(earlier, parts, asked.clientId, timeline.head) ? 'unknown' : undefined);
  }
  if (seenId.startsWith(RESERVED_PREFIX)) {
    return now(seenId === `${RESERVED_PREFIX}evicted` ? 'evicted' : 'unknown');
  }
  const find = (id: string): Position | undefined =>
    parts
      .map(({ log, since }) => log.find(id, since))
      .filter((position) => position !== undefined)
      .sort((a, b) => a - b)[0];
  const located = timeline.locate(seenId, find);
  if (!located) return now('unknown');
  const { cursor } = located;
  const isGone =
    missing > cursor ||
    (claim.lastEventId !== undefined && !reads.own && registry.unclaimed(asked.userId) > cursor) ||
    parts.some(({ log, since, until }) => until > cursor && log.floor > Math.max(cursor, since));
  if (isGone) return now('evicted');
  return { cursor, owes: undefined, keptId: located.keepsId ? seenId : undefined };
}

type Part = Pick<Subscription, 'log' | 'since' | 'until'>;

function partsOf({ userLog, own, subscriptions }: Reads, broadcasts: EventLog): Part[] {
  const whole = [broadcasts, userLog, own].filter((log) => log !== undefined);
  return [...whole.map((log) => ({ log, since: 0, until: Number.POSITIVE_INFINITY })), ...subscriptions];
}

/** Whether a page without a last event id has missed something that its earlier client did not get. */
function hasMissed({ reached }: Earlier, parts: Part[], clientId: string, head: Position): boolean {
  if (reached === undefined) return true;
  return parts.some(({ log, since, until }) => {
    const entries = log.between(Math.max(reached, since), Math.min(head, until));
    return entries === undefined || entries.some(({ exclude }) => exclude !== clientId);
  });
}

/** The log of a client that brings its own id: that of its predecessor, or one that knows up to where events are missing. */
export function ownLogOf(claim: Claim, registry: Registry): EventLog | undefined {
  if (!claim.bringsId) return undefined;
  return claim.predecessor?.ownLog() ?? new EventLog(Math.min(registry.missingOf(claim.id), registry.timeline.head));
}
