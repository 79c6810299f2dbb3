/** The events of the example app, as its tabs show them. */
import type { TabEvent } from './browser';

export const payment = (amount: number): object => ({
  type: 'payment-completed',
  data: { amount, status: 'completed' },
});

export const announcement = (message: string): object => ({
  type: 'system-announcement',
  data: { message, type: 'info' },
});

/** Among these are all steps of an order that is completed, and of one that fails, each in order. */
export function expectOrders(events: TabEvent[]): void {
  const stepsOf = (order: RegExp): unknown[] =>
    events
      .filter(({ data }) => order.test(String(data.orderId)))
      .map(({ type, data: { orderId: _, ...rest } }) => [type, ...Object.values(rest)]);
  expect(stepsOf(/^order-/)).toEqual([
    ['order-processing', 'started'],
    ['order-progress', 20],
    ['order-progress', 40],
    ['order-progress', 60],
    ['order-progress', 80],
    ['order-completed', 'completed'],
  ]);
  expect(stepsOf(/^fail-/)).toEqual([
    ['order-processing', 'started'],
    ['order-progress', 20],
    ['order-progress', 40],
    ['order-error', 'card declined'],
  ]);
}
