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
  { id: '1001', title: 'Walnut desk', placedAt: '2026-01-12T09:30:00.000Z' },
  { id: '1002', title: 'Reading lamp', placedAt: '2026-01-14T16:05:00.000Z' },
  { id: '1003', title: 'Oak bookshelf', placedAt: '2026-01-19T11:45:00.000Z' },
] as const;
