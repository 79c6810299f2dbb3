'use client';

import { useState } from 'react';
import { OrderEntries } from '@/components/order-entries';
import { OrderForm } from '@/components/order-form';
import { OrderWatchers } from '@/components/order-watchers';
import { PageHeader } from '@/components/page-header';
import { ORDERS } from '@/lib/order-list';
import type { OrderSnapshot } from '@/lib/order-snapshot';
import { useOrder } from '@/lib/use-order';
import type { User } from '@/lib/users';
import styles from './order-page.module.css';

interface Props {
  user: User;
  first: OrderSnapshot;
}

export function OrderPage({ user, first }: Props) {
  const { view, connection, show } = useOrder(first);
  const [error, setError] = useState<string | null>(null);
  const { orderId } = view;
  const { state, clientId } = connection;

  function open(id: string) {
    setError(null);
    show(id)
      .then(() => history.replaceState(null, '', `/orders/${id}`))
      .catch((reason: Error) => setError(reason.message));
  }

  return (
    <div className={styles.page}>
      <PageHeader user={user}>
        <a href="/">Dashboard</a>
      </PageHeader>

      <nav className={styles.orders} aria-label="Orders">
        {ORDERS.map(({ id, title }) => (
          <button
            key={id}
            className={styles.order}
            type="button"
            aria-current={id === orderId ? 'page' : undefined}
            disabled={state !== 'live'}
            onClick={() => open(id)}
            data-testid={`show-${id}`}
          >
            <span className={styles.number}>{id}</span>
            {title}
          </button>
        ))}
      </nav>

      <main className={styles.grid}>
        <section className="card" aria-labelledby="order-title">
          <div className={styles.head}>
            <h1 id="order-title" className={styles.title} data-testid="order" data-order-id={orderId}>
              {ORDERS.find(({ id }) => id === orderId)?.title} <span className={styles.number}>{orderId}</span>
            </h1>
            <p
              className={styles.state}
              role="status"
              data-state={state}
              data-client-id={clientId ?? ''}
              data-testid="connection-state"
            >
              {state}
            </p>
          </div>
          <OrderEntries entries={view.entries} />
          <OrderForm key={orderId} orderId={orderId} onError={setError} />
          <p className={styles.error} role="alert">
            {error}
          </p>
        </section>
        <OrderWatchers watchers={view.watchers} me={user.id} />
      </main>
    </div>
  );
}
