/** The subscription of the hooks to a stream. */
import { useEffect, useInsertionEffect, useRef } from 'react';
import type { ClientEvent } from '../client/index.js';
import { useStream } from './context.js';
import type { Place } from './event-log.js';
import type { EventStream } from './stream.js';

/** The value of the last render, for functions that are called later. */
export function useNewest<T>(value: T): { readonly current: T } {
  const ref = useRef(value);
  useInsertionEffect(() => {
    ref.current = value;
  });
  return ref;
}

/** Follows the stream while mounted, and goes on where it was when the component is shown again. */
export function useEvents(
  handler: (event: ClientEvent) => void,
  since: Place | undefined,
  onGap?: (stream: EventStream) => void,
): void {
  const stream = useStream();
  const newest = useNewest({ handler, onGap });
  const seen = useRef<{ stream: EventStream; since: Place | undefined; place: Place | undefined }>(undefined);
  useEffect(() => {
    const last = seen.current;
    const place = last?.stream === stream && last.since === since ? last.place : since;
    const { isWhole, stop } = stream.follow((event) => newest.current.handler(event), place);
    if (!isWhole) newest.current.onGap?.(stream);
    return () => {
      seen.current = { stream, since, place: stop() };
    };
  }, [stream, since, newest]);
}
