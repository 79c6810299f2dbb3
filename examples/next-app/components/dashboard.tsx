'use client';

import { type Snapshot, useConnection, useLatest } from 'ssekit/react';
import { Actions } from '@/components/actions';
import { Connection } from '@/components/connection';
import { EventStream } from '@/components/event-stream';
import { Inbox } from '@/components/inbox';
import { OnlineList } from '@/components/online-list';
import { Orders } from '@/components/orders';
import { PageHeader } from '@/components/page-header';
import { Wire } from '@/components/wire';
import type { Feed } from '@/lib/feed';
import { useFeed } from '@/lib/use-feed';
import type { User } from '@/lib/users';
import styles from './dashboard.module.css';

interface Props {
  user: User;
  /** Whether this tab shares a connection with others; undefined where it cannot. */
  isShared: boolean | undefined;
  /** As the server has rendered it. */
  first: Snapshot<Feed>;
}

export function Dashboard({ user, isShared, first, streamUrl }: Props & { streamUrl: string }) {
  return (
    <div className={styles.page}>
      <PageHeader user={user}>
        <a href="/orders/1001" data-testid="to-orders">
          Watch an order
        </a>
      </PageHeader>
      <EventStream url={streamUrl} userId={user.id} since={first.since} isShared={isShared}>
        <Cards user={user} isShared={isShared} first={first} />
      </EventStream>
    </div>
  );
}

function Cards({ user, isShared, first }: Props) {
  const { feed, missed } = useFeed(first);
  const { state } = useConnection();
  const clientId = useLatest('ssekit:ready')?.clientId ?? null;
  return (
    <main className={styles.grid}>
      <h1 className="visually-hidden">Live events of {user.name}</h1>
      <Connection missed={missed} />
      <OnlineList live={state === 'open'} online={feed.online} me={user.id} />
      <Actions user={user} clientId={clientId} />
      <Orders orders={feed.orders} />
      <Inbox items={feed.inbox} />
      <Wire isShared={isShared} />
    </main>
  );
}
