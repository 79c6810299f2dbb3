import styles from './brand.module.css';

export function Brand() {
  return (
    <span className={styles.brand}>
      <svg viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
        <rect width="32" height="32" rx="9" fill="var(--accent)" />
        <g fill="none" stroke="var(--on-accent)" strokeWidth="2.6" strokeLinecap="round">
          <circle cx="10" cy="22" r="1.2" fill="var(--on-accent)" />
          <path d="M10 15.5a6.5 6.5 0 0 1 6.5 6.5" />
          <path d="M10 9a13 13 0 0 1 13 13" />
        </g>
      </svg>
      <span>
        ssekit <span className={styles.dim}>example</span>
      </span>
    </span>
  );
}
