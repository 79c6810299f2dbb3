import type { User } from '@/lib/users';
import styles from './avatar.module.css';

/** Decorative: the name stands beside it. */
export function Avatar({ user }: { user: User }) {
  return (
    <span className={styles.avatar} style={{ backgroundColor: user.color }} aria-hidden="true">
      {user.initials}
    </span>
  );
}
