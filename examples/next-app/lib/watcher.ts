/** What the app says about each client. The other watchers of an order see it, too. */
export interface TabData {
  name: string;
  /** Names the tab in all lists; missing for pages that watch no order. */
  tab?: string;
}

/** A tab in which somebody watches an order. */
export interface Watcher {
  tab: string;
  userId: string;
  name: string;
}

/** A watcher, if that is what a client of an order's channel is. */
export function watcherOf(userId: string | null, data: unknown): Watcher[] {
  const { name, tab } = (data ?? {}) as Partial<TabData>;
  return userId && name && tab ? [{ tab, userId, name }] : [];
}
