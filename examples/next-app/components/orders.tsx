import type { Order } from '@/lib/feed';
import styles from './orders.module.css';

function describe(order: Order): string {
  switch (order.state) {
    case 'started':
      return 'Started';
    case 'progress':
      return `${order.percent} %`;
    case 'completed':
      return 'Completed';
    case 'error':
      return `Failed: ${order.error}`;
  }
}

export function Orders({ orders }: { orders: Order[] }) {
  return (
    <section className={`card ${styles.card}`} aria-labelledby="orders-title">
      <h2 id="orders-title" className="card-title">
        Orders
      </h2>
      <ul className={styles.list} data-testid="orders">
        {orders.map((order) => (
          <li
            key={order.id}
            className={styles.order}
            data-testid="order-card"
            data-order-id={order.id}
            data-state={order.state}
          >
            <code className={styles.id}>{order.id}</code>
            <span className={styles.state}>{describe(order)}</span>
            <progress className={styles.bar} value={order.percent} max={100} aria-label={`Progress of ${order.id}`} />
          </li>
        ))}
      </ul>
      {orders.length === 0 && <p className="empty">No order yet. Start one: its job reports every step.</p>}
    </section>
  );
}
