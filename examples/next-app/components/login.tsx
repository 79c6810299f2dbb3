import { Avatar } from '@/components/avatar';
import { Brand } from '@/components/brand';
import { USERS } from '@/lib/users';
import styles from './login.module.css';

export function Login() {
  return (
    <main className={styles.page}>
      <div className={styles.panel}>
        <Brand />
        <h1 className={styles.title}>Who are you today?</h1>
        <p className={styles.lead}>
          Pick somebody, then open a private window and be somebody else there. What one does, the other sees at once.
        </p>
        <form className={styles.users} action="/api/login" method="post">
          {USERS.map((user) => (
            <button
              key={user.id}
              className={styles.user}
              name="user"
              value={user.id}
              type="submit"
              data-testid={`login-${user.id}`}
            >
              <Avatar user={user} />
              <span>{user.name}</span>
              <span className={styles.arrow} aria-hidden="true">
                →
              </span>
            </button>
          ))}
        </form>
      </div>
    </main>
  );
}
