/** An event in the life of an order. */
export interface OrderEntry {
  orderId: string;
  /** Its place among the order's entries, by which a page knows the ones that it has. */
  number: number;
  userId: string;
  text: string;
  at: string;
}

/** The orders, as every page lists them. */
export const ORDERS = [
  { id: '1001', title: 'Walnut desk' },
  { id: '1002', title: 'Reading lamp' },
  { id: '1003', title: 'Oak bookshelf' },
] as const;

// In memory, because this is a demo. On globalThis, because Next.js may load this module more than once.
const shared = globalThis as { demoOrderBook?: Map<string, OrderEntry[]> };

function book(): Map<string, OrderEntry[]> {
  shared.demoOrderBook ??= new Map(ORDERS.map(({ id }) => [id, [firstEntry(id)]]));
  return shared.demoOrderBook;
}

function firstEntry(orderId: string): OrderEntry {
  return { orderId, number: 1, userId: 'margaret', text: 'Order placed', at: new Date().toISOString() };
}

/** The entries of an order, the oldest first; `undefined` if there is no such order. */
export function entriesOf(orderId: string): readonly OrderEntry[] | undefined {
  return book().get(orderId);
}

export function addEntry(orderId: string, userId: string, text: string): OrderEntry | undefined {
  const entries = book().get(orderId);
  if (!entries) return undefined;
  const entry = { orderId, number: entries.length + 1, userId, text, at: new Date().toISOString() };
  entries.push(entry);
  return entry;
}
