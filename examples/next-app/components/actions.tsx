'use client';

import { useState } from 'react';
import { post } from '@/lib/post';
import { findUser, USERS, type User } from '@/lib/users';
import styles from './actions.module.css';

export function Actions({ user, clientId }: { user: User; clientId: string | null }) {
  const [target, setTarget] = useState(user.id);
  const [amount, setAmount] = useState('49.90');
  const [message, setMessage] = useState(`Hello from ${user.name}`);
  const [error, setError] = useState<string | null>(null);
  const targetName = findUser(target)?.name;

  function send(path: string, body: object) {
    setError(null);
    post(path, body).catch((reason: Error) => setError(reason.message));
  }

  function pay() {
    send('/api/webhooks/payment', { event: 'payment.completed', userId: target, amount: Number(amount) });
  }

  return (
    <section className={`card ${styles.card}`} aria-labelledby="actions-title">
      <h2 id="actions-title" className="card-title">
        Make something happen
      </h2>

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
          Notify {targetName}
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

      <p className={styles.error} role="alert" data-testid="action-error">
        {error}
      </p>
    </section>
  );
}
