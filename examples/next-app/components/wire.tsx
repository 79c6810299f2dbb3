import type { DemoState } from '@/lib/demo-state';
import type { WireEvent } from '@/lib/feed';
import styles from './wire.module.css';

const number = new Intl.NumberFormat('en');

interface Props {
  live: boolean;
  events: WireEvent[];
  received: number;
  server: DemoState | null;
}

/** A view of the transport: which carrier the streams have, and the events as they came in. */
export function Wire({ live, events, received, server }: Props) {
  return (
    <section className={`card ${styles.card}`} aria-labelledby="wire-title">
      <h2 id="wire-title" className="card-title">
        What is happening
      </h2>
      <p className={styles.carrier} data-testid="carrier">
        {live && server ? describeCarrier(server.stats.transports) : 'No stream is open in this tab.'}
      </p>
      <dl className={styles.numbers}>
        <Fact label="Streams on native threads" value={server?.stats.transports.handoff} testId="streams-handoff" />
        <Fact label="Streams through Node" value={server?.stats.transports.stream} testId="streams-stream" />
        <Fact label="Sockets that Node holds" value={server?.openSockets} testId="open-sockets" />
        <Fact label="Events sent" value={server?.stats.events} testId="events-sent" />
        <Fact label="Deliveries" value={server?.stats.deliveries} testId="deliveries" />
        <Fact label="Received in this tab" value={received} testId="received" />
      </dl>
      {/* Scrolls, so the keyboard has to be able to reach it. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be focusable */}
      <section className={styles.log} aria-label="Events as they came in" tabIndex={0} data-testid="wire">
        {events.map(({ key, event }) => (
          <p key={key} className={styles.line} data-type={event.type}>
            <span className={styles.type}>{event.type}</span>
            <span className={styles.data}>{JSON.stringify(event.data)}</span>
            <span className={styles.id}>{event.id}</span>
          </p>
        ))}
        {events.length === 0 && <p className={styles.line}>Waiting for the first event.</p>}
      </section>
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
