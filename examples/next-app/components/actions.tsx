'use client';

import { useState } from 'react';
import { post } from '@/lib/post';
import { findUser, USERS, type User } from '@/lib/users';
import styles from './actions.module.css';

/** Posts to one of the demo's routes, and shows what goes wrong. */
type Send = (path: string, body: object) => void;

export function Actions({ user, clientId }: { user: User; clientId: string | null }) {
  const [target, setTarget] = useState(user.id);
  const [error, setError] = useState<string | null>(null);

  function send(path: string, body: object) {
    setError(null);
    post(path, body).catch((reason: Error) => setError(reason.message));
  }

  return (
    <section className={`card ${styles.card}`} aria-labelledby="actions-title">
      <h2 id="actions-title" className="card-title">
        Make something happen
      </h2>
      <StartOrder send={send} />
      <Payment send={send} target={target} setTarget={setTarget} />
      <Message send={send} target={target} clientId={clientId} first={`Hello from ${user.name}`} />
      <p className={styles.error} role="alert" data-testid="action-error">
        {error}
      </p>
    </section>
  );
}

function StartOrder({ send }: { send: Send }) {
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>An order of yours, as a background job</legend>
      <div className={styles.pair}>
        <button
          className="button primary"
          type="button"
          onClick={() => send('/api/demo/orders', { fails: false })}
          data-testid="button-order"
        >
          Start order
        </button>
        <button
          className="button"
          type="button"
          onClick={() => send('/api/demo/orders', { fails: true })}
          data-testid="button-order-fail"
        >
          Start failing order
        </button>
      </div>
    </fieldset>
  );
}

function Payment({ send, target, setTarget }: { send: Send; target: string; setTarget(id: string): void }) {
  const [amount, setAmount] = useState('49.90');

  function pay() {
    send('/api/webhooks/payment', { event: 'payment.completed', userId: target, amount: Number(amount) });
  }

  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>To one user, in all their tabs</legend>
      <div className={styles.fields}>
        <label className={styles.field}>
          User
          <select
            className="input"
            value={target}
            onChange={(event) => setTarget(event.target.value)}
            data-testid="select-target-user"
          >
            {USERS.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label className={styles.field}>
          Amount
          <input
            className="input"
            type="number"
            min="0"
            step="0.01"
            value={amount}
            onChange={(event) => setAmount(event.target.value)}
            data-testid="input-amount"
          />
        </label>
      </div>
      <button className="button" type="button" onClick={pay} data-testid="button-payment">
        Simulate payment webhook
      </button>
    </fieldset>
  );
}

interface MessageProps {
  send: Send;
  target: string;
  clientId: string | null;
  first: string;
}

function Message({ send, target, clientId, first }: MessageProps) {
  const [message, setMessage] = useState(first);

  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>A message</legend>
      <label className={styles.field}>
        <span className="visually-hidden">Message</span>
        <input
          className="input"
          value={message}
          onChange={(event) => setMessage(event.target.value)}
          data-testid="input-message"
        />
      </label>
      <button
        className="button"
        type="button"
        disabled={!message}
        onClick={() => send('/api/demo/notify', { userId: target, message })}
        data-testid="button-notify"
      >
        Notify {findUser(target)?.name}
      </button>
      <div className={styles.pair}>
        <button
          className="button"
          type="button"
          disabled={!message}
          onClick={() => send('/api/demo/broadcast', { message })}
          data-testid="button-broadcast"
        >
          Broadcast to all
        </button>
        <button
          className="button"
          type="button"
          disabled={!message || !clientId}
          onClick={() => send('/api/demo/broadcast', { message, excludeClientId: clientId })}
          data-testid="button-broadcast-except-me"
        >
          Broadcast to all but me
        </button>
      </div>
    </fieldset>
  );
}
