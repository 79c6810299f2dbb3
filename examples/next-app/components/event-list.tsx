'use client';

import { useId, useReducer } from 'react';
import { useEvent } from 'ssekit/react';
import styles from './event-list.module.css';

interface Listed {
  key: number;
  name: string;
  data: unknown;
  id: string;
}

interface Events {
  count: number;
  shown: readonly Listed[];
  /** Those that came while the list stands still. */
  held: readonly Listed[] | undefined;
}

type Change = Omit<Listed, 'key'> | 'pause' | 'resume';

const MOST = 40;

function change(events: Events, what: Change): Events {
  const { count, shown, held } = events;
  if (what === 'pause') return { ...events, held: [] };
  if (what === 'resume') return { ...events, shown: newest(held ?? [], shown), held: undefined };
  const event = { ...what, key: count + 1 };
  const added = held ? { shown, held: newest([event], held) } : { shown: newest([event], shown), held };
  return { count: event.key, ...added };
}

const newest = (first: readonly Listed[], then: readonly Listed[]): Listed[] => [...first, ...then].slice(0, MOST);

/** The newest events, the latest on top. Whoever wants to read in peace can let the list stand still. */
export function EventList({ title }: { title: string }) {
  const id = useId();
  const [{ count, shown, held }, tell] = useReducer(change, { count: 0, shown: [], held: undefined });
  useEvent('*', (data, event) => tell({ name: event.event, data, id: event.id }));
  return (
    <div>
      <div className={styles.head}>
        <h3 id={id} className={styles.title}>
          {title} <span className={styles.count}>({count})</span>
        </h3>
        <button
          className="button quiet"
          type="button"
          onClick={() => tell(held ? 'resume' : 'pause')}
          data-testid="event-list-pause"
        >
          {held ? `Resume (${held.length} new)` : 'Pause'}
        </button>
      </div>
      {/* Scrolls, so the keyboard has to be able to reach it. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be focusable */}
      <section className={styles.region} aria-labelledby={id} tabIndex={0}>
        <ol className={styles.list} data-testid="wire">
          {shown.map(({ key, name, data, id }) => (
            <li key={key} className={styles.event} data-type={name}>
              <span className={styles.name}>{name}</span>
              <span className={styles.data}>{JSON.stringify(data)}</span>
              <span className={styles.id}>{id}</span>
            </li>
          ))}
        </ol>
        {count === 0 && <p className={styles.none}>Waiting for the first event.</p>}
      </section>
    </div>
  );
}
