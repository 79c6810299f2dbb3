/** The clients that this page knows of, by id. */
import type { ClientChanges, ClientRow } from '../wire/lines.js';

export type SortKey = 'user' | 'id' | 'channels' | 'transport' | 'lag' | 'connectedAt';

/** By what a column is sorted. Texts compare faster by their code units than by a language's rules. */
const VALUES: Record<SortKey, (client: ClientRow) => string | number> = {
  user: ({ user }) => user ?? '',
  id: ({ id }) => id,
  channels: ({ channels }) => channels.length,
  transport: ({ transport, notHandedOff = '' }) => transport + notHandedOff,
  lag: ({ lag }) => lag.ms * 1e6 + lag.events,
  connectedAt: ({ connectedAt }) => connectedAt,
};

export class Clients {
  #rows = new Map<string, ClientRow>();
  #isNewWatch = true;
  #sorted: ClientRow[] | undefined;
  #key: SortKey = 'connectedAt';
  #isDescending = true;
  total = 0;
  matching = 0;
  /** Whether any line has brought a look at the clients. */
  isKnown = false;

  get sort(): { key: SortKey; isDescending: boolean } {
    return { key: this.#key, isDescending: this.#isDescending };
  }

  /** A new watch tells of all clients anew. Until it does, those of the last one stay. */
  beginWatch(): void {
    this.#isNewWatch = true;
  }

  apply({ changed, gone, total, matching }: ClientChanges): void {
    if (this.#isNewWatch) this.#rows = new Map();
    this.#isNewWatch = false;
    this.isKnown = true;
    for (const id of gone) this.#rows.delete(id);
    for (const row of changed) this.#rows.set(row.id, row);
    this.total = total;
    this.matching = matching;
    this.#sorted = undefined;
  }

  /** Sorts by another column, or by the same the other way round. Numbers begin with the largest. */
  sortBy(key: SortKey): void {
    this.#isDescending = key === this.#key ? !this.#isDescending : !['user', 'id', 'transport'].includes(key);
    this.#key = key;
    this.#sorted = undefined;
  }

  get(id: string): ClientRow | undefined {
    return this.#rows.get(id);
  }

  ofUser(user: string): number {
    return [...this.#rows.values()].filter((client) => client.user === user).length;
  }

  sorted(): ClientRow[] {
    this.#sorted ??= this.#sort();
    return this.#sorted;
  }

  #sort(): ClientRow[] {
    const sortValue = VALUES[this.#key];
    const way = this.#isDescending ? -1 : 1;
    const keyed = [...this.#rows.values()].map((row) => ({ row, value: sortValue(row) }));
    keyed.sort((one, other) => {
      if (one.value !== other.value) return one.value < other.value ? -way : way;
      // Rows with the same value must not change places with each look.
      return one.row.id < other.row.id ? -1 : 1;
    });
    return keyed.map(({ row }) => row);
  }
}
