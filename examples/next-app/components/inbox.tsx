import type { InboxItem, InboxKind } from '@/lib/feed';
import styles from './inbox.module.css';

const kinds: Record<InboxKind, { label: string; icon: string }> = {
  notification: {
    label: 'Notification',
    icon: 'M6 8a6 6 0 0 1 12 0c0 6 2.5 7.5 2.5 7.5h-17S6 14 6 8Zm4 11.5a2.2 2.2 0 0 0 4 0',
  },
  'payment-completed': { label: 'Payment', icon: 'M3 7.5h18v10H3zM3 11h18M6.5 14.5h3' },
  'system-announcement': {
    label: 'Announcement',
    icon: 'M4 10v4h3l9 4V6l-9 4H4Zm4 4 1.2 5H12M19.2 9.5a4 4 0 0 1 0 5',
  },
};

// The server renders the same text as the browser, so both need one time zone.
const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: 'UTC' });

export function Inbox({ items }: { items: InboxItem[] }) {
  return (
    <section className={`card ${styles.card}`} aria-labelledby="inbox-title">
      <h2 id="inbox-title" className="card-title">
        Inbox
      </h2>
      <ol className={styles.list} aria-live="polite" aria-relevant="additions" data-testid="inbox">
        {items.map(({ id, kind, text, at }) => (
          <li key={id} className={styles.item} data-testid="inbox-item" data-kind={kind}>
            <span className={styles.icon} aria-hidden="true">
              <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
                <path d={kinds[kind].icon} />
              </svg>
            </span>
            <div className={styles.body}>
              <p className={styles.meta}>
                <span className={styles.kind}>{kinds[kind].label}</span>
                {at && <time dateTime={at}>{time.format(new Date(at))} UTC</time>}
              </p>
              <p className={styles.text}>{text}</p>
            </div>
          </li>
        ))}
      </ol>
      {items.length === 0 && (
        <p className="empty">Nothing yet. Payments, notifications and announcements arrive here.</p>
      )}
    </section>
  );
}
