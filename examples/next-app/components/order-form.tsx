import { useState } from 'react';
import { post } from '@/lib/post';
import styles from './order-form.module.css';

const STEPS = ['Packed', 'Shipped', 'Delivered'];

interface Props {
  orderId: string;
  onError(message: string | null): void;
}

/** Adds an entry. It comes back by the stream, as to everybody who watches the order. */
export function OrderForm({ orderId, onError }: Props) {
  const [text, setText] = useState('');

  function add(entry: string) {
    onError(null);
    post(`/api/orders/${orderId}`, { text: entry }).catch((reason: Error) => onError(reason.message));
  }

  function submit(event: React.FormEvent) {
    event.preventDefault();
    add(text);
    setText('');
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      <div className={styles.steps}>
        {STEPS.map((step) => (
          <button key={step} className="button" type="button" onClick={() => add(step)} data-testid={`add-${step}`}>
            {step}
          </button>
        ))}
      </div>
      <div className={styles.note}>
        <label>
          <span className="visually-hidden">A note</span>
          <input
            className="input"
            placeholder="A note for everybody who watches"
            maxLength={200}
            value={text}
            onChange={(event) => setText(event.target.value)}
            data-testid="note"
          />
        </label>
        <button className="button primary" type="submit" disabled={!text.trim()} data-testid="add-note">
          Add
        </button>
      </div>
    </form>
  );
}
