'use client';

import { useState } from 'react';
import { type Snapshot, useEvent, useLive } from 'ssekit/react';
import { applyEvent, type Feed } from '@/lib/feed';
import { fetchJson } from '@/lib/fetch-json';

/** Events that are gone for good. */
export interface Missed {
  reason: string;
  /** Whether the feed was fetched since. */
  isMadeUp: boolean;
}

/** A user's feed, from the server's on. */
export function useFeed({ data, since }: Snapshot<Feed>): { feed: Feed; missed: Missed | undefined } {
  const [missed, setMissed] = useState<Missed>();
  useEvent('ssekit:reset', ({ reason }) => setMissed({ reason, isMadeUp: false }));

  const feed = useLive(data, {
    since,
    apply: applyEvent,
    refetch: async () => {
      const snapshot = await fetchJson<Snapshot<Feed>>('/api/demo/feed');
      setMissed((missed) => missed && { ...missed, isMadeUp: true });
      return snapshot;
    },
  });
  return { feed, missed };
}
