import { Avatar } from '@/components/avatar';
import type { OnlineUser } from '@/features/sse';
import { findUser } from '@/lib/users';
import styles from './online-list.module.css';

interface Props {
  live: boolean;
  online: OnlineUser[];
  me: string;
}

export function OnlineList({ live, online, me }: Props) {
  return (
    <section className={`card ${styles.card}`} aria-labelledby="online-title">
      <h2 id="online-title" className="card-title">
        Online now
      </h2>
      <ul className={styles.list} data-testid="online-list">
        {online.map(({ userId, tabs }) => {
          const user = findUser(userId);
          return (
            user && (
              <li key={userId} className={styles.user} data-testid={`online-${userId}`} data-tabs={tabs}>
                <Avatar user={user} />
                <span>
                  <span className={styles.name}>
                    {user.name}
                    {userId === me && <span className={styles.me}> (you)</span>}
                  </span>
                  <span className={styles.tabs}>{tabs === 1 ? '1 tab' : `${tabs} tabs`}</span>
                </span>
              </li>
            )
          );
        })}
      </ul>
      <p className={styles.hint}>
        {live
          ? 'Open this page in another tab, or as somebody else in a private window: the list follows.'
          : 'The list stands still until this tab is connected.'}
      </p>
    </section>
  );
}
