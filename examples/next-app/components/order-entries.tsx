import { Avatar } from '@/components/avatar';
import type { OrderEntry } from '@/lib/order-list';
import { findUser } from '@/lib/users';
import styles from './order-entries.module.css';

// The server renders the same text as the browser, so both need one time zone.
const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: 'UTC' });

/** The history of an order: a line that grows downwards. */
export function OrderEntries({ entries }: { entries: readonly OrderEntry[] }) {
  return (
    <ol className={styles.list} aria-live="polite" aria-relevant="additions" data-testid="entries">
      {entries.map(({ number, userId, text, at }) => {
        const user = findUser(userId);
        return (
          <li key={number} className={styles.entry} data-testid="entry" data-text={text}>
            {user && <Avatar user={user} />}
            <div className={styles.body}>
              <p className={styles.text}>{text}</p>
              <p className={styles.meta}>
                {user?.name} · <time dateTime={at}>{time.format(new Date(at))} UTC</time>
              </p>
            </div>
          </li>
        );
      })}
    </ol>
  );
}
