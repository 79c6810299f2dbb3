import type { Connection } from '@/lib/use-event-stream';
import styles from './connection-card.module.css';

const explanations: Record<Connection['state'], string> = {
  connecting: 'Opening the stream.',
  live: 'Events arrive as they happen.',
  reconnecting: 'The browser is trying again, and will resume where it left off.',
  closed: 'The server refused the stream. Most likely the log-in has ended.',
};

interface Props {
  connection: Connection;
  node: string | null;
  resetReason: string | null;
}

export function ConnectionCard({ connection, node, resetReason }: Props) {
  const { state, clientId, reconnects } = connection;
  return (
    <section className={`card ${styles.card}`} aria-labelledby="connection-title">
      <h2 id="connection-title" className="card-title">
        Connection
      </h2>
      <div role="status">
        <p className={styles.state} data-state={state} data-testid="connection-state">
          {state}
        </p>
        <p className={styles.explanation}>
          {explanations[state]} {state === 'closed' && <a href="/">Log in again</a>}
        </p>
        {resetReason && (
          <p className={styles.reset} data-testid="reset-notice">
            Some events were missed ({resetReason}). The page fetched the server’s state instead.
          </p>
        )}
      </div>
      <dl className={styles.facts}>
        <div>
          <dt>Client id</dt>
          <dd>
            <code data-testid="client-id" data-client-id={clientId ?? ''} title={clientId ?? undefined}>
              {clientId ? shorten(clientId) : '–'}
            </code>
          </dd>
        </div>
        <div>
          <dt>Reconnects</dt>
          <dd data-testid="reconnects">{reconnects}</dd>
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
