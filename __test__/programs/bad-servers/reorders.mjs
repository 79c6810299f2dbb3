/** One client gets an event after the next one. */
import { serve as serveBadly } from './serve.mjs';

let kept = '';

export const title = 'reorders';
export const serve = () =>
  serveBadly((text, { seq }) => {
    if (seq === 22) kept = text;
    return { 22: '', 23: text + kept }[seq] ?? text;
  });
