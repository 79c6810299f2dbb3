'use client';

import type { ReactNode } from 'react';
import type { ClientStatus } from 'ssekit/client';
import { useConnection } from 'ssekit/react';
import styles from './connection-status.module.css';

type View = 'live' | 'connecting' | 'reconnecting' | 'paused' | 'closed';

/** Each has a word and a shape, because colours alone say nothing to many people. */
const VIEWS: Record<View, { label: string; shape: ReactNode }> = {
  live: { label: 'Live', shape: <circle cx="8" cy="8" r="5" fill="currentColor" stroke="none" /> },
  connecting: { label: 'Connecting', shape: <circle cx="8" cy="8" r="5" strokeDasharray="3 2.2" /> },
  reconnecting: { label: 'Reconnecting', shape: <path d="M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3" /> },
  paused: { label: 'Paused', shape: <path d="M5.5 3.5v9M10.5 3.5v9" /> },
  closed: { label: 'Closed', shape: <path d="m4 4 8 8M12 4l-8 8" /> },
};

const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

interface Props {
  /** Where to log in again. */
  loginUrl: string;
  /** Says why, and what is going to happen. */
  isDetailed?: boolean;
}

/** The state of the stream. Screen readers announce the word, but not each attempt. */
export function ConnectionStatus({ loginUrl, isDetailed = false }: Props) {
  const status = useConnection();
  const view = viewOf(status);
  const isLoggedOut = status.state === 'closed' && status.httpStatus === 401;
  const { label, shape } = VIEWS[view];
  return (
    <div className={styles.status} data-state={view}>
      <p className={styles.label} role="status" data-state={view} data-testid="connection-state">
        <svg className={styles.shape} viewBox="0 0 16 16" aria-hidden="true">
          {shape}
        </svg>
        {isLoggedOut ? 'Logged out' : label}
      </p>
      {(isDetailed || view === 'closed') && (
        <p className={styles.detail} data-testid="connection-detail">
          {isLoggedOut ? 'You are logged out, and the stream has ended.' : detailOf(view, status)}{' '}
          {view === 'closed' && <a href={loginUrl}>Log in again</a>}
        </p>
      )}
    </div>
  );
}

/** An attempt after a failure is part of the reconnecting. */
function viewOf({ state, reason }: ClientStatus): View {
  if (state === 'open') return 'live';
  if (state === 'waiting' || (state === 'connecting' && reason)) return 'reconnecting';
  return state;
}

function detailOf(view: View, { reason, retryAt }: ClientStatus): string {
  switch (view) {
    case 'live':
      return 'Events arrive as they happen.';
    case 'connecting':
      return 'Opening the stream.';
    case 'reconnecting': {
      const next = retryAt === undefined ? 'now' : `at ${time.format(retryAt)}`;
      return `${reason}. The next attempt is ${next}; then the page goes on where it was.`;
    }
    case 'paused':
      return 'The page was left. It goes on when it is shown again.';
    case 'closed':
      return `${reason ?? 'The stream has ended'}.`;
  }
}
