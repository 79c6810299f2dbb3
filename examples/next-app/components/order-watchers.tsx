import { Avatar } from '@/components/avatar';
import { findUser } from '@/lib/users';
import type { Watcher } from '@/lib/watcher';
import styles from './order-watchers.module.css';

interface Props {
  watchers: readonly Watcher[];
  me: string;
}

/** Everybody once, in however many tabs they watch. */
export function OrderWatchers({ watchers, me }: Props) {
  const users = [...new Set(watchers.map(({ userId }) => userId))];
  return (
    <section className="card" aria-labelledby="watchers-title">
      <h2 id="watchers-title" className="card-title">
        Watching this order
      </h2>
      <ul className={styles.list} data-testid="watchers">
        {users.map((userId) => {
          const tabs = watchers.filter((watcher) => watcher.userId === userId);
          const user = findUser(userId);
          return (
            <li key={userId} className={styles.watcher} data-testid={`watcher-${userId}`} data-tabs={tabs.length}>
              {user && <Avatar user={user} />}
              <span>
                <span className={styles.name}>{tabs[0].name}</span>
                {userId === me && <span className={styles.dim}> (you)</span>}
                {tabs.length > 1 && <span className={styles.dim}> · {tabs.length} tabs</span>}
              </span>
            </li>
          );
        })}
      </ul>
      {watchers.length === 0 && <p className="empty">Nobody yet.</p>}
    </section>
  );
}
