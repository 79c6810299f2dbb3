'use client';

import { useState } from 'react';
import { useConnection, useEvent, useLatest } from 'ssekit/react';
import { EventList } from '@/components/event-list';
import type { Carried } from '@/lib/demo-state';
import { useServerState } from '@/lib/use-server-state';
import styles from './wire.module.css';

const number = new Intl.NumberFormat('en');

interface Props {
  /** Whether tabs share a connection where it pays; undefined where they cannot. */
  isShared: boolean | undefined;
}

/** A view of the transport: which carrier the streams have, and the events as they came in. */
export function Wire({ isShared }: Props) {
  const [received, setReceived] = useState(0);
  useEvent('*', () => setReceived((count) => count + 1));
  const server = useServerState(received);
  const { state } = useConnection();
  const clientId = useLatest('ssekit:ready')?.clientId ?? '';
  const carried = state === 'open' ? server?.carried[clientId] : undefined;
  return (
    <section className={`card ${styles.card}`} aria-labelledby="wire-title">
      <h2 id="wire-title" className="card-title">
        What is happening
      </h2>
      <p
        className={styles.carrier}
        data-testid="carrier"
        data-transport={carried?.transport}
        data-shared-by={carried?.sharedBy}
      >
        {state === 'open' ? describe(carried) : 'No stream is open in this tab.'}{' '}
        {isShared !== undefined && (
          <a href={isShared ? '/?share=false' : '/'} data-testid="change-sharing">
            {isShared ? 'Give this tab its own connection' : 'Share a connection with other tabs'}
          </a>
        )}
      </p>
      <dl className={styles.numbers}>
        <Fact label="Streams on native threads" value={server?.stats.transports.handoff} testId="streams-handoff" />
        <Fact label="Streams through Node" value={server?.stats.transports.stream} testId="streams-stream" />
        <Fact label="Sockets that Node holds" value={server?.openSockets} testId="open-sockets" />
        <Fact label="Events sent" value={server?.stats.events} testId="events-sent" />
        <Fact label="Deliveries" value={server?.stats.deliveries} testId="deliveries" />
        <Fact label="Received in this tab" value={received} testId="received" />
      </dl>
      <EventList title="Events as they came in" />
    </section>
  );
}

function Fact({ label, value, testId }: { label: string; value: number | undefined; testId: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd data-testid={testId}>{value === undefined ? '–' : number.format(value)}</dd>
    </div>
  );
}

function describe({ transport, sharedBy = 0 }: Carried = { transport: 'opening' }): string {
  if (sharedBy > 1) return `${sharedBy} tabs of this browser share one connection, which Node carries.`;
  if (sharedBy === 1) return 'This tab’s connection is ready for more tabs of this browser. Node carries it.';
  switch (transport) {
    case 'handoff':
      return 'This tab has its own connection. Its socket was handed over: native threads write to it, Node has let go of it.';
    case 'stream':
      return 'This tab has its own connection. It runs through Node, because its socket could not be handed over.';
    case 'listener':
      return 'This tab has its own connection, to ssekit’s own server. Native threads write to it.';
    case 'elsewhere':
      return 'Another server than the one that answered just now has this tab’s connection.';
    case 'opening':
      return 'This tab’s stream is opening.';
  }
}
