/** One client never gets one of its events. */
import { serve as serveBadly } from './serve.mjs';

export const title = 'loses';
export const serve = () => serveBadly((text, { seq }) => (seq === 23 ? '' : text));
