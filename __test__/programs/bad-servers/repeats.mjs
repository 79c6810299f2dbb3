/** One client gets an event twice. */
import { serve as serveBadly } from './serve.mjs';

export const title = 'repeats';
export const serve = () => serveBadly((text, { seq }) => (seq === 23 ? text + text : text));
