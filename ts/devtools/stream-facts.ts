/** Facts about the stream, from its own events. */
import type { ClientEvent, OwnEvents } from '../client/index.js';

export class StreamFacts {
  clientId = '';
  lastId = '';
  readonly #channels = new Set<string>();

  get channels(): string[] {
    return [...this.#channels];
  }

  take({ event, id, data }: ClientEvent): void {
    if (id) this.lastId = id;
    switch (event) {
      case 'ssekit:ready': {
        const ready = data as OwnEvents['ssekit:ready'];
        this.clientId = ready.clientId;
        this.#channels.clear();
        for (const channel of ready.channels ?? []) this.#channels.add(channel);
        break;
      }
      case 'ssekit:subscribed':
        this.#channels.add((data as OwnEvents['ssekit:subscribed']).channel);
        break;
      case 'ssekit:unsubscribed':
        this.#channels.delete((data as OwnEvents['ssekit:unsubscribed']).channel);
        break;
    }
  }
}
