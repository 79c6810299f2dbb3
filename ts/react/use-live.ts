/** States that the server has rendered, and that events keep up to date. */
import { useEffect, useRef, useState } from 'react';
import type { AnyEvent, ClientEvent } from '../client/index.js';
import { useStream } from './context.js';
import { useEvents, useNewest } from './follow.js';
import { isUpTo } from './positions.js';
import type { EventStream } from './stream.js';

/** The maximum number of events that wait for a refetch. With more, the refetch is made again. */
const MOST = 1_000;

/** A state, and the cursor that was read before it. */
export interface Snapshot<T> {
  data: T;
  since?: string | undefined;
}

export interface LiveOptions<T> {
  /**
   * The cursor that was read before `initial`. With another one, `initial` counts again: the server has rendered anew. Without one, a
   * component that mounts once events have come fetches its state, because it may have missed some.
   */
  since?: string | undefined;
  /** Returns the state after an event, or the same one if that changes nothing. It must not change what it is given. */
  apply(state: T, event: AnyEvent): T;
  /** Fetches the state again when events were missed. Without `since`, `apply` may be given an event that is in the state already. */
  refetch(): Promise<Snapshot<T>>;
}

interface Refetch {
  events: ClientEvent[];
  isStale: boolean;
}

/** Returns `initial` with every event since `since` applied to it, each once. */
export function useLive<T>(initial: T, options: LiveOptions<T>): T {
  const { since } = options;
  const stream = useStream();
  const [state, setState] = useState({ stream, since, data: initial });
  const isCurrent = state.stream === stream && state.since === since;
  const newest = useNewest({ ...options, initial });
  /** The cursor of the last refetch. */
  const fetched = useRef<string>(undefined);
  const refetch = useRef<Refetch>(undefined);
  const isMounted = useRef(false);

  function take(events: ClientEvent[], data: T): T {
    const later = events.filter(({ id }) => !isUpTo(id, fetched.current));
    return later.reduce((state, event) => newest.current.apply(state, event as AnyEvent), data);
  }

  /** Events wait meanwhile, and are applied to what comes. Of two at a time, the later one counts. */
  async function fetchAgain(): Promise<void> {
    const own: Refetch = { events: refetch.current?.events ?? [], isStale: false };
    refetch.current = own;
    let snapshot: Snapshot<T>;
    do {
      own.isStale = false;
      snapshot = await newest.current.refetch();
    } while (own.isStale && refetch.current === own && isMounted.current);
    if (refetch.current !== own) return;
    refetch.current = undefined;
    fetched.current = snapshot.since;
    setState({ stream, since: newest.current.since, data: take(own.events, snapshot.data) });
  }

  /** Where no reset of the client does it, it is tried until it succeeds. */
  async function closeGap(stream: EventStream): Promise<void> {
    for (let ms = 500; isMounted.current; ms = Math.min(2 * ms, 30_000)) {
      try {
        await fetchAgain();
        return;
      } catch (cause) {
        stream.report(cause);
        await new Promise((resolve) => setTimeout(resolve, ms));
      }
    }
  }

  useEffect(() => {
    isMounted.current = true;
    return () => {
      isMounted.current = false;
    };
  }, []);

  const refetching = useNewest(fetchAgain);
  useEffect(() => stream.onReset(() => refetching.current()), [stream, refetching]);

  useEvents(
    (event) => {
      const waiting = refetch.current;
      if (waiting) {
        if (waiting.events.push(event) > MOST) Object.assign(waiting, { events: [], isStale: true });
        return;
      }
      setState((old) => {
        const wasCurrent = old.stream === stream && old.since === since;
        const data = take([event], wasCurrent ? old.data : newest.current.initial);
        return wasCurrent && data === old.data ? old : { stream, since, data };
      });
    },
    since,
    closeGap,
  );
  return isCurrent ? state.data : initial;
}

/** A client that has a channel. */
export interface Member {
  /** Names it among the others. */
  member: string;
  userId: string | null;
  data?: unknown;
}

export interface PresenceOptions {
  since?: string | undefined;
  refetch(): Promise<Snapshot<readonly Member[]>>;
}

/** The members of a channel whose `presence` is on: those that the server has rendered, by `getClients` after `cursor`, kept up to date. */
export function usePresence(
  channel: string,
  initial: readonly Member[],
  { since, refetch }: PresenceOptions,
): readonly Member[] {
  const stream = useStream();
  useEffect(() => stream.join(channel, since), [stream, channel, since]);
  return useLive<readonly Member[]>(initial, {
    since,
    refetch,
    apply: (members, event) => changed(members, event, channel),
  });
}

function changed(members: readonly Member[], { event, data }: ClientEvent, channel: string): readonly Member[] {
  const isJoin = event === 'ssekit:join';
  if (!isJoin && event !== 'ssekit:leave') return members;
  const { channel: of, member, userId, data: own } = data as Member & { channel: string };
  if (of !== channel) return members;
  const others = members.filter((other) => other.member !== member);
  return isJoin ? [...others, { member, userId, data: own }] : others;
}
