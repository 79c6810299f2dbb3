'use client';

import { useState } from 'react';
import { useEvent, useLatest } from 'ssekit/react';
import { ConnectionStatus } from '@/components/connection-status';
import type { Missed } from '@/lib/use-feed';
import styles from './connection.module.css';

export function Connection({ missed }: { missed: Missed | undefined }) {
  const clientId = useLatest('ssekit:ready')?.clientId;
  const node = useLatest('node')?.name;
  const [connects, setConnects] = useState(0);
  useEvent('ssekit:ready', () => setConnects((count) => count + 1));
  return (
    <section className={`card ${styles.card}`} aria-labelledby="connection-title">
      <h2 id="connection-title" className="card-title">
        Connection
      </h2>
      <div className={styles.status}>
        <ConnectionStatus loginUrl="/" isDetailed />
      </div>
      {missed && (
        <p className={styles.missed} role="status" data-testid="reset-notice" data-made-up={missed.isMadeUp}>
          {missed.isMadeUp
            ? `Some events are gone (${missed.reason}). Inbox and orders were fetched anew: they are as the server has them.`
            : `Some events are gone (${missed.reason}). Fetching inbox and orders anew.`}
        </p>
      )}
      <dl className={styles.facts}>
        <div>
          <dt>Client id</dt>
          <dd>
            <code data-testid="client-id" data-client-id={clientId ?? ''} title={clientId}>
              {clientId ? shorten(clientId) : '–'}
            </code>
          </dd>
        </div>
        <div>
          <dt>Reconnects</dt>
          <dd data-testid="reconnects">{Math.max(0, connects - 1)}</dd>
        </div>
        {node && (
          <div>
            <dt>Served by</dt>
            <dd data-testid="node">{node}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function shorten(id: string): string {
  return id.length > 12 ? `${id.slice(0, 4)}…${id.slice(-4)}` : id;
}
