'use client';

import { useState } from 'react';
import { useConnection, useEvent } from 'ssekit/react';
import { EventList } from '@/components/event-list';
import type { DemoState } from '@/lib/demo-state';
import { useServerState } from '@/lib/use-server-state';
import styles from './wire.module.css';

const number = new Intl.NumberFormat('en');

/** A view of the transport: which carrier the streams have, and the events as they came in. */
export function Wire() {
  const [received, setReceived] = useState(0);
  useEvent('*', () => setReceived((count) => count + 1));
  const server = useServerState(received);
  const { state } = useConnection();
  return (
    <section className={`card ${styles.card}`} aria-labelledby="wire-title">
      <h2 id="wire-title" className="card-title">
        What is happening
      </h2>
      <p className={styles.carrier} data-testid="carrier">
        {state === 'open' && server ? describeCarrier(server.stats.transports) : 'No stream is open in this tab.'}
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

// The server counts streams, it does not list them: where all are carried alike, this tab's is among them.
function describeCarrier({ handoff, stream }: DemoState['stats']['transports']): string {
  if (handoff > 0 && stream > 0) return 'Some streams are on native threads, others run through Node.';
  if (handoff > 0)
    return 'This tab’s stream was handed over: native threads write to its socket, Node has let go of it.';
  if (stream > 0) return 'This tab’s stream runs through Node: its socket could not be handed over.';
  return 'This tab’s stream is opening.';
}
