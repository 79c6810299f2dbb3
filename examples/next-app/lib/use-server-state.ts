'use client';

import { useEffect, useState } from 'react';
import type { DemoState } from '@/lib/demo-state';

const QUIET_MS = 200;

/** Fetches `/api/demo/state` at the start, and again whenever `version` has changed and then stood still for a moment. */
export function useServerState(version: number): DemoState | null {
  const [state, setState] = useState<DemoState | null>(null);

  useEffect(() => {
    // Aborted by the next event, so that an older answer can never overwrite what a newer event told.
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const response = await fetch(`/api/demo/state?version=${version}`, { signal: abort.signal });
        if (response.ok) setState(await response.json());
      } catch {
        // Aborted, or the server is away: the stream reconnects, and its first event brings us here again.
      }
    }, QUIET_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [version]);

  return state;
}
