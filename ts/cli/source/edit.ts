/** Changes to a source text, and their outcomes. */
import { Unreadable } from './unreadable.js';

export type Outcome =
  | { kind: 'changed'; text: string }
  /** The change has been made before. */
  | { kind: 'done' }
  /** The change cannot be made safely. */
  | { kind: 'refused'; reason: string };

export function refused(reason: string): Outcome {
  return { kind: 'refused', reason };
}

/** Refuses the change if the text turns out to be unreadable. */
export function attempt(change: () => Outcome): Outcome {
  try {
    return change();
  } catch (error) {
    if (error instanceof Unreadable) return refused(error.message);
    throw error;
  }
}

export interface Insertion {
  at: number;
  text: string;
}

/** Inserts and changes nothing else. Insertions at the same place are made in the order given. */
export function insert(text: string, insertions: Insertion[]): Outcome {
  const ordered = [...insertions].reverse().sort((a, b) => b.at - a.at);
  // Starts from the end, so earlier positions stay valid.
  const result = ordered.reduce((result, { at, text }) => result.slice(0, at) + text + result.slice(at), text);
  return { kind: 'changed', text: result };
}

export function lineEndOf(text: string): '\n' | '\r\n' {
  return text.includes('\r\n') ? '\r\n' : '\n';
}
