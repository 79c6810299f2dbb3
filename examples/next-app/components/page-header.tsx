import { Avatar } from '@/components/avatar';
import { Brand } from '@/components/brand';
import type { User } from '@/lib/users';
import styles from './page-header.module.css';

/** The user who is logged in, with a link to another page. */
export function PageHeader({ user, children }: { user: User; children: React.ReactNode }) {
  return (
    <header className={styles.header}>
      <Brand />
      <form className={styles.session} action="/api/logout" method="post">
        <span className={styles.link}>{children}</span>
        <Avatar user={user} />
        <span className={styles.name}>{user.name}</span>
        <button className="button quiet" type="submit" data-testid="logout">
          Log out
        </button>
      </form>
    </header>
  );
}
