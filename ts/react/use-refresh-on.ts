/** Server components that follow events. */
import { useEffect, useRef } from 'react';
import type { SSEEventMap } from '../../index';
import type { ClientEvent, EventName } from '../client/index.js';
import { useStream } from './context.js';
import { useEvents, useNewest } from './follow.js';

export interface RefreshOptions {
  /** The cursor that the page was rendered with. Without it, the page is rendered again if events have come before the component. */
  since?: string | undefined;
  /** So long after the first event, the page is rendered again, with all that came meanwhile. Default: 250. */
  debounceMs?: number | undefined;
}

/** Renders the page anew on the server when one of these events has come, or any was missed: `useRefreshOn(useRouter(), ['order'])`. */
export function useRefreshOn(
  router: { refresh(): void },
  names: readonly EventName<SSEEventMap>[],
  { since, debounceMs = 250 }: RefreshOptions = {},
): void {
  const stream = useStream();
  const newest = useNewest({ router, debounceMs });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  function refresh(): void {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      newest.current.router.refresh();
    }, newest.current.debounceMs);
  }

  const refreshing = useNewest(refresh);
  useEffect(() => stream.onReset(() => refreshing.current()), [stream, refreshing]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
  useEvents(({ event }: ClientEvent) => (names as readonly string[]).includes(event) && refresh(), since, refresh);
}
