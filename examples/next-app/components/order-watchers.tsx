import { Avatar } from '@/components/avatar';
import { findUser } from '@/lib/users';
import type { Watcher } from '@/lib/watchers';
import styles from './order-watchers.module.css';

interface Props {
  watchers: readonly Watcher[];
  me: string;
}

export function OrderWatchers({ watchers, me }: Props) {
  return (
    <section className="card" aria-labelledby="watchers-title">
      <h2 id="watchers-title" className="card-title">
        Watching this order
      </h2>
      <ul className={styles.list} data-testid="watchers">
        {watchers.map(({ userId, name, tabs }) => {
          const user = findUser(userId);
          return (
            <li key={userId} className={styles.watcher} data-testid={`watcher-${userId}`} data-tabs={tabs}>
              {user && <Avatar user={user} />}
              <span>
                <span className={styles.name}>{name}</span>
                {userId === me && <span className={styles.dim}> (you)</span>}
                {tabs > 1 && <span className={styles.dim}> · {tabs} tabs</span>}
              </span>
            </li>
          );
        })}
      </ul>
      {watchers.length === 0 && <p className="empty">Nobody yet.</p>}
    </section>
  );
}
