/** Something that happened, as a row. */
import { type FeedItem, kindOf } from '../model/feed.js';
import { audienceParts, meaning } from '../text/explain.js';
import { bytes, clock, count, plural } from '../text/format.js';
import { visible } from '../text/visible.js';
import type { EventEntry, Person } from '../wire/lines.js';
import { element, foreign, foreignPlace, sentence, setAttribute, setHidden, setText, setTime } from './dom.js';
import { facts, howToAllow, jsonView } from './json-view.js';
import type { Row } from './virtual-list.js';

/** The texts of a row's cells. Those of the server are shown as such. */
interface Cells {
  name: string;
  /** The even parts are the page's own. */
  who: string[];
  text: string;
  receivers?: string;
  cost?: string;
}

/** As much as any row has room for. */
const PREVIEW = 200;

export function createFeedRow(): Row<FeedItem> {
  const time = element('time');
  const [name, who, text] = [foreignPlace(), element('span'), foreignPlace()];
  const [receivers, cost] = [element('span'), element('span')];
  const cells = { time, name, who, text, receivers, cost };
  const line = element('div', { class: 'line', role: 'presentation' });
  for (const [className, cell] of Object.entries(cells)) {
    line.append(element('span', { role: 'gridcell', class: className }, cell));
  }
  const detail = element('div', { role: 'gridcell', class: 'detail', hidden: '' });
  const row = element('div', { role: 'row', class: 'row feed-row' }, line, detail);
  let shown: number | undefined;
  return {
    element: row,
    update({ key, entry }, isExpanded) {
      if (isExpanded && entry.type === 'event' && (shown !== key || detail.hidden)) {
        detail.replaceChildren(...aboutEvent(entry));
      }
      setHidden(detail, !isExpanded);
      // An entry never changes.
      if (shown === key) return;
      shown = key;
      const of = cellsOf(entry);
      setAttribute(row, 'data-kind', kindOf(entry));
      setTime(time, entry.at);
      setText(name, visible(of.name));
      who.replaceChildren(...sentence(...of.who));
      setText(text, visible(of.text));
      setText(receivers, of.receivers ?? '');
      setText(cost, of.cost ?? '');
    },
  };
}

function cellsOf(entry: FeedItem['entry']): Cells {
  switch (entry.type) {
    case 'event':
      return {
        name: entry.event,
        who: audienceParts(entry.to),
        text: entry.data === null ? '(hidden)' : entry.data.slice(0, PREVIEW),
        receivers: `${count(entry.receivers)} ×`,
        cost: bytes(entry.bytes * entry.receivers),
      };
    case 'note':
      return { name: '', who: [], text: entry.text };
    case 'error':
      return { name: 'error', who: [], text: entry.message };
    case 'online':
    case 'offline':
      return { name: entry.type, who: ['user ', entry.user], text: '' };
    case 'connect':
      return { name: 'connect', who: personParts(entry), text: clientPart(entry) };
    default:
      return { name: entry.type, who: personParts(entry), text: reasonOf(entry.type, entry.reason, clientPart(entry)) };
  }
}

function personParts({ user, client }: Person): string[] {
  if (typeof user === 'string') return ['user ', user];
  return typeof client === 'string' ? ['anonymous'] : [];
}

function clientPart({ client }: Person): string {
  return typeof client === 'string' ? `client ${client}` : '';
}

function reasonOf(type: string, reason: string, client: string): string {
  const why = meaning(type, reason);
  return [why ? `${reason}: ${why}` : reason, client].filter(Boolean).join(' · ');
}

function aboutEvent({ id, at, to, event, data, cut, bytes: size, receivers, coalesceKey }: EventEntry): HTMLElement[] {
  const time = element('time');
  setTime(time, at, `${new Date(at).toLocaleDateString()} ${clock(at)}`);
  const cost = `${bytes(size)} × ${plural(receivers, 'receiver')} = ${bytes(size * receivers)}`;
  return [
    facts([
      ['Event', foreign(event, 'foreign')],
      ['To', ...sentence(...audienceParts(to))],
      ['Id', id === null ? 'none yet' : foreign(id, 'foreign')],
      ['Sent', time],
      ['Cost', cost],
      ...(coalesceKey === undefined ? [] : [['Coalesce key', foreign(coalesceKey, 'foreign')] as [string, Node]]),
    ]),
    data === null ? element('p', { class: 'note' }, 'Hidden. ', ...howToAllow('data')) : jsonView(data),
    ...(cut ? [element('p', { class: 'note' }, 'The data is longer; only its first 2 KiB are shown.')] : []),
  ];
}
