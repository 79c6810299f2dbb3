/** The events of a stream, and their types. */
import type { SSEEventMap } from '../../index';

/** ssekit's own events, and their data. */
export interface OwnEvents {
  /** The first of each connection. */
  'ssekit:ready': {
    clientId: string;
    userId: string | null;
    resumed: boolean;
    channels?: string[];
    heartbeatMs?: number;
    welcome?: unknown;
  };
  /** Events were missed. Use `onReset`, which lets other events wait. */
  'ssekit:reset': Reset;
  'ssekit:subscribed': { channel: string };
  'ssekit:unsubscribed': { channel: string };
  'ssekit:join': { channel: string; member: string; userId: string | null; data?: unknown };
  'ssekit:leave': { channel: string; member: string; userId: string | null };
  'ssekit:drain': { reconnectInMs: number };
  /** Only with the server's `heartbeat: 'event'`. */
  'ssekit:heartbeat': object;
}

/** The data of `ssekit:reset`. */
export interface Reset {
  /**
   * `unknown`: the server does not know what was missed. `evicted`: it has left the history. `overflow`: the client has dropped more
   * than 10,000 events, or 10 million characters of them, that had to wait for the page.
   */
  reason: 'unknown' | 'evicted' | 'overflow';
  /** If it concerns only what a subscription to this channel has asked for. */
  channel?: string;
}

/** The names of the app's events. If the app has declared none, any name. */
export type EventName<Events> = [keyof Events] extends [never] ? string : keyof Events & string;

/** The type of an event's data. */
export type EventData<Events, Name extends string> = Name extends keyof OwnEvents
  ? OwnEvents[Name]
  : Name extends keyof Events
    ? Events[Name]
    : unknown;

/** One event. */
export interface ClientEvent<Name extends string = string, Data = unknown> {
  /** Its name; `message` if the server gave none. */
  event: Name;
  data: Data;
  /** Its id; empty if it has none. */
  id: string;
}

/** Any event of a stream: `event` says which it is, and so the type of `data`. */
export type AnyEvent<Events = SSEEventMap> = [keyof Events] extends [never]
  ? ClientEvent
  : {
      [Name in EventName<Events> | keyof OwnEvents]: ClientEvent<Name, EventData<Events, Name>>;
    }[EventName<Events> | keyof OwnEvents];
