import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { demoFile } from '@/lib/demo-file';
import { ORDERS, type OrderEntry } from '@/lib/order-list';

/** A line of the file. Its place there gives an entry its number, so two servers never use the same one. */
type Line = Omit<OrderEntry, 'number'> & { key?: string };

/** The entries of an order, the oldest first; `undefined` if there is no such order. */
export function entriesOf(orderId: string): readonly OrderEntry[] | undefined {
  return linesOf(orderId)?.map(numbered);
}

export function addEntry(orderId: string, userId: string, text: string): OrderEntry | undefined {
  const key = randomUUID();
  if (!linesOf(orderId)) return undefined;
  const line: Line = { key, orderId, userId, text, at: new Date().toISOString() };
  // One write, which the system does as a whole: a server that is killed leaves no half line.
  appendFileSync(file(), `${JSON.stringify(line)}\n`);
  const at = linesOf(orderId)?.findIndex((line) => line.key === key) ?? -1;
  return numbered(line, at);
}

function numbered({ key: _, ...entry }: Line, index: number): OrderEntry {
  return { ...entry, number: index + 1 };
}

// A file, because this is a demo. A real app has a database, which survives a restart just as well.
const file = () => demoFile('orders.jsonl');

function linesOf(orderId: string): Line[] | undefined {
  const order = ORDERS.find(({ id }) => id === orderId);
  if (!order) return undefined;
  const placed: Line = { orderId, userId: 'margaret', text: 'Order placed', at: order.placedAt };
  const text = existsSync(file()) ? readFileSync(file(), 'utf8') : '';
  const lines: Line[] = text.split('\n').flatMap((line) => (line ? [JSON.parse(line)] : []));
  return [placed, ...lines.filter((line) => line.orderId === orderId)];
}
