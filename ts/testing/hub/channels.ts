/** Channels: their logs, and for those with presence, who is there. */
import { createHash } from 'node:crypto';

import type { Client } from './client.js';
import { type Event, EventLog } from './event-log.js';
import type { Timeline } from './timeline.js';

interface Channel {
  log: EventLog;
  /** The clients that are there, with their users; undefined: the channel's clients do not want to know. */
  attendees: Map<string, string | undefined> | undefined;
}

/** A client's name for pages, which must not know its id. */
export const memberOf = (clientId: string): string => createHash('sha256').update(clientId).digest('hex').slice(0, 16);

export class Channels {
  readonly #channels = new Map<string, Channel>();

  constructor(
    readonly timeline: Timeline,
    readonly findClient: (id: string) => Client | undefined,
  ) {}

  /** A channel begins with its first event or client. */
  log(name: string): EventLog {
    return this.#of(name).log;
  }

  find(name: string): EventLog | undefined {
    return this.#channels.get(name)?.log;
  }

  get count(): number {
    return this.#channels.size;
  }

  #of(name: string): Channel {
    const known = this.#channels.get(name);
    if (known) return known;
    const { presence, bounds } = this.timeline.settings.channel(name);
    const channel = { log: new EventLog(0, bounds), attendees: presence ? new Map() : undefined };
    this.#channels.set(name, channel);
    return channel;
  }

  /** A client may have come to these channels, or gone from them: tells their clients, after the grace period if it may be back. */
  look(clientId: string, names: string[], afterMs = 0): void {
    for (const name of names) {
      if (!this.#of(name).attendees) continue;
      if (afterMs === 0) this.#lookNow(clientId, name);
      else this.timeline.clock.after(afterMs, () => this.#lookNow(clientId, name));
    }
  }

  #lookNow(clientId: string, name: string): void {
    const { attendees, log } = this.#of(name);
    const client = this.findClient(clientId);
    const isThere = client?.channels.includes(name) ?? false;
    if (attendees?.has(clientId)) {
      const user = attendees.get(clientId);
      if (isThere && client?.info.user === user) return;
      attendees.delete(clientId);
      this.timeline.publish(log, notice('ssekit:leave', name, clientId, user));
    }
    if (!isThere || !client) return;
    attendees?.set(clientId, client.info.user);
    this.timeline.publish(log, notice('ssekit:join', name, clientId, client.info.user, client.info.data));
  }
}

function notice(event: string, channel: string, clientId: string, user: string | undefined, data?: string): Event {
  const own = data === undefined ? {} : { data: JSON.parse(data) };
  return {
    name: event,
    data: JSON.stringify({ channel, ...own, member: memberOf(clientId), userId: user ?? null }),
  };
}
