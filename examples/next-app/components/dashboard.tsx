'use client';

import { useReducer } from 'react';
import { Actions } from '@/components/actions';
import { ConnectionCard } from '@/components/connection-card';
import { Inbox } from '@/components/inbox';
import { OnlineList } from '@/components/online-list';
import { Orders } from '@/components/orders';
import { PageHeader } from '@/components/page-header';
import { Wire } from '@/components/wire';
import type { DemoState } from '@/lib/demo-state';
import { emptyFeed, feedReducer } from '@/lib/feed';
import type { OnlineUser } from '@/lib/stream-events';
import { useEventStream } from '@/lib/use-event-stream';
import { useServerState } from '@/lib/use-server-state';
import type { User } from '@/lib/users';
import styles from './dashboard.module.css';

export function Dashboard({ user, listenerPort }: { user: User; listenerPort: number | null }) {
  const [feed, receive] = useReducer(feedReducer, emptyFeed);
  const connection = useEventStream(listenerPort, receive);
  const server = useServerState(feed.received);
  const live = connection.state === 'live';

  return (
    <div className={styles.page}>
      <PageHeader user={user}>
        <a href="/orders/1001" data-testid="to-orders">
          Watch an order
        </a>
      </PageHeader>

      <main className={styles.grid}>
        <h1 className="visually-hidden">Live events of {user.name}</h1>
        <ConnectionCard connection={connection} node={feed.node} resetReason={feed.resetReason} />
        <OnlineList live={live} online={feed.online ?? onlineIn(server)} me={user.id} />
        <Actions user={user} clientId={connection.clientId} />
        <Orders orders={feed.orders} />
        <Inbox items={feed.inbox} />
        <Wire live={live} events={feed.wire} received={feed.received} server={server} />
      </main>
    </div>
  );
}

function onlineIn(server: DemoState | null): OnlineUser[] {
  return Object.entries(server?.users ?? {})
    .map(([userId, clients]) => ({ userId, tabs: clients.length }))
    .filter(({ tabs }) => tabs > 0);
}
