'use client';

import { useRef, useState } from 'react';
import { ConnectionStatus } from '@/components/connection-status';
import { EventStream } from '@/components/event-stream';
import { OrderEntries } from '@/components/order-entries';
import { OrderForm } from '@/components/order-form';
import { OrderWatchers } from '@/components/order-watchers';
import { PageHeader } from '@/components/page-header';
import { channelOf } from '@/lib/order-channel';
import { ORDERS } from '@/lib/order-list';
import type { OrderSnapshot } from '@/lib/order-snapshot';
import { fetchOrder, useOrder } from '@/lib/use-order';
import type { User } from '@/lib/users';
import styles from './order-page.module.css';

interface Props {
  user: User;
  isShared: boolean;
  first: OrderSnapshot;
}

export function OrderPage({ user, isShared, first }: Props) {
  const [snapshot, setSnapshot] = useState(first);
  const [error, setError] = useState<string | null>(null);
  const wanted = useRef(first.orderId);

  async function open(id: string) {
    setError(null);
    wanted.current = id;
    try {
      const snapshot = await fetchOrder(id);
      // Of two at a time, the later one counts.
      if (wanted.current !== id) return;
      setSnapshot(snapshot);
      history.replaceState(null, '', `/orders/${id}`);
    } catch (reason) {
      setError((reason as Error).message);
    }
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
            aria-current={id === snapshot.orderId ? 'page' : undefined}
            onClick={() => open(id)}
            data-testid={`show-${id}`}
          >
            <span className={styles.number}>{id}</span>
            {title}
          </button>
        ))}
      </nav>

      <EventStream
        url="/api/sse"
        userId={user.id}
        since={first.since}
        channels={[channelOf(snapshot.orderId)]}
        isShared={isShared}
      >
        <Order user={user} snapshot={snapshot} error={error} setError={setError} />
      </EventStream>
    </div>
  );
}

interface OrderProps {
  user: User;
  snapshot: OrderSnapshot;
  error: string | null;
  setError(error: string | null): void;
}

function Order({ user, snapshot, error, setError }: OrderProps) {
  const { orderId } = snapshot;
  const { entries, watchers } = useOrder(snapshot);
  return (
    <main className={styles.grid}>
      <section className="card" aria-labelledby="order-title">
        <div className={styles.head}>
          <h1 id="order-title" className={styles.title} data-testid="order" data-order-id={orderId}>
            {ORDERS.find(({ id }) => id === orderId)?.title} <span className={styles.number}>{orderId}</span>
          </h1>
          <div className={styles.status}>
            <ConnectionStatus loginUrl="/" />
          </div>
        </div>
        <OrderEntries entries={entries} />
        <OrderForm key={orderId} orderId={orderId} onError={setError} />
        <p className={styles.error} role="alert">
          {error}
        </p>
      </section>
      <OrderWatchers watchers={watchers} me={user.id} />
    </main>
  );
}
