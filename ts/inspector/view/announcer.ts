/** Speaks to screen readers: what somebody did, changes of the connection, and a summary now and then, but no single event. */
import type { Sample } from '../model/rates.js';
import { count, plural } from '../text/format.js';
import { byId } from './dom.js';

const SUMMARY_MS = 60_000;

let summaryAt = 0;

export function announce(text: string): void {
  // A new node also says the same text again.
  byId('live').replaceChildren(document.createTextNode(text));
}

/** At most once a minute, by the server's clock. */
export function summarize(sample: Sample | undefined): void {
  if (!sample || Math.abs(sample.at - summaryAt) < SUMMARY_MS) return;
  summaryAt = sample.at;
  const { clients, events, deliveries } = sample;
  announce(`${plural(clients, 'client')}, ${count(events)} events and ${count(deliveries)} deliveries a second.`);
}
