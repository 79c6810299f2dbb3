/** The entries, newest first: at most 1,000 entries, and as many again while the feed is held. */
import type { FeedEntry } from '../wire/lines.js';

const MOST = 1_000;

/** Notes of this page itself among the entries of the server. */
export interface Note {
  type: 'note';
  at: number;
  text: string;
}

/** An entry with a number of its own: two entries can be alike. `find`: the filter of the watch that told of it. */
export interface FeedItem {
  key: number;
  find: string;
  entry: FeedEntry | Note;
}

/** Entries that are switched off together. */
export type FeedKind = 'event' | 'connect' | 'disconnect' | 'reset' | 'refusal' | 'presence' | 'error';

export function kindOf({ type }: FeedEntry | Note): FeedKind | 'note' {
  return type === 'online' || type === 'offline' ? 'presence' : type;
}

export class Feed {
  #items: FeedItem[] = [];
  #held: FeedItem[] = [];
  #heldCount = 0;
  #isHeld = false;
  #keys = 0;
  readonly #off = new Set<FeedKind>();

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Entries since the feed is held. */
  get heldCount(): number {
    return this.#heldCount;
  }

  isOff(kind: FeedKind | 'note'): boolean {
    return this.#off.has(kind as FeedKind);
  }

  /** A kind that is off is not kept either, so that it pushes out nothing of the others. */
  toggle(kind: FeedKind): void {
    if (!this.#off.delete(kind)) this.#off.add(kind);
  }

  /** Adds entries that are newer than all before, oldest first. */
  add(entries: (FeedEntry | Note)[], find: string): void {
    const items = entries
      .filter((entry) => !this.isOff(kindOf(entry)))
      .map((entry) => ({ key: this.#keys++, find, entry }))
      .reverse();
    if (this.#isHeld) {
      this.#heldCount += items.length;
      this.#held = [...items, ...this.#held].slice(0, MOST);
    } else {
      this.#items = [...items, ...this.#items].slice(0, MOST);
    }
  }

  /** From now on, what `items` returns stays as it is. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Shows what was held back, and says how much of it was too much to keep. */
  release(now: number): void {
    const lost = this.#heldCount - this.#held.length;
    const [held, old] = [this.#held, lost ? [] : this.#items];
    [this.#isHeld, this.#held, this.#heldCount] = [false, [], 0];
    this.#items = [...held, ...old].slice(0, lost ? MOST - 1 : MOST);
    if (!lost) return;
    const text = `${lost.toLocaleString('en')} entries came while the feed was held, and were not kept.`;
    this.#items.push({ key: this.#keys++, find: '', entry: { type: 'note', at: held.at(-1)?.entry.at ?? now, text } });
  }

  /** The entries to show. The server has chosen those of a watch with this filter; of older ones, the page chooses. */
  items(find: string): FeedItem[] {
    if (!find && !this.#off.size) return this.#items;
    return this.#items.filter(
      (item) => !this.isOff(kindOf(item.entry)) && (item.find === find || matches(item.entry, find.toLowerCase())),
    );
  }
}

function matches(entry: FeedEntry | Note, find: string): boolean {
  if (entry.type === 'note' || entry.type === 'error') return true;
  const texts =
    entry.type === 'event'
      ? [entry.event, ...Object.values(entry.to)]
      : [entry.user, 'client' in entry && entry.client];
  return texts.some((text) => typeof text === 'string' && text.toLowerCase().includes(find));
}
