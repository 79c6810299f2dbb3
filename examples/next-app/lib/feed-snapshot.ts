import type { StoredEvent } from 'ssekit';
import type { AnyEvent } from 'ssekit/client';
import { cursor } from 'ssekit/next';
import type { Snapshot } from 'ssekit/react';
import { SSEService } from '@/features/sse';
import { applyEvent, emptyFeed, type Feed } from '@/lib/feed';
import { onlineUsers } from '@/lib/presence';

const LIMIT = 1_000;

/**
 * A user's feed at one moment, made of what was sent: for this demo, the history is the database. The stream goes on from `since`. What
 * is sent while the history is read may be in both, and the feed knows it by its id.
 */
export async function feedOf(userId: string): Promise<Snapshot<Feed>> {
  const since = await cursor();
  const sse = SSEService.getInstance();
  const sent = await Promise.all([
    sse.history({ userId }, { limit: LIMIT }),
    sse.history({ broadcast: true }, { limit: LIMIT }),
  ]);
  const events = sent.flat().sort((one, other) => positionOf(one) - positionOf(other));
  const feed = events.map(parsed).reduce(applyEvent, emptyFeed);
  return { since, data: { ...feed, online: onlineUsers() } };
}

/** All events stand in one sequence, and an id ends with the place in it. */
function positionOf({ id }: StoredEvent): number {
  return Number.parseInt(id.slice(id.lastIndexOf('.') + 1), 10);
}

function parsed({ id, event = 'message', data }: StoredEvent): AnyEvent {
  return { id, event, data: JSON.parse(data) } as AnyEvent;
}
