/** Counters since the server started, by reason, and the state of the cluster. */
import type { SSEStats } from '../../../index';
import { meaning } from '../text/explain.js';
import { bytes, count, plural } from '../text/format.js';
import { visible } from '../text/visible.js';
import type { ClusterNode } from '../wire/lines.js';
import { byId, element, foreign, setAttribute } from './dom.js';

interface Card {
  title: string;
  total?: string;
  items: [name: string, value: string, meaning?: string][];
  /** Something is wrong. */
  isAlarm?: boolean;
}

export class Totals {
  #nodes: readonly ClusterNode[] = [];
  #shown = '';

  /** `nodes`: if this line brought some. */
  render(stats: SSEStats, nodes: readonly ClusterNode[] | undefined): void {
    this.#nodes = nodes ?? this.#nodes;
    const cards = [...countersOf(stats), nowOf(stats), ...clusterOf(stats, this.#nodes)];
    // Most of it does not change for minutes.
    const shown = JSON.stringify(cards);
    if (shown === this.#shown) return;
    this.#shown = shown;
    byId('totals').replaceChildren(...cards.map(show));
  }
}

function countersOf({ disconnects, refusals, resets, notHandedOff, ...stats }: SSEStats): Card[] {
  return [
    {
      title: 'Since the start',
      items: [
        ['connects', count(stats.connects)],
        ['events', count(stats.events)],
        ['deliveries', count(stats.deliveries)],
        ['coalesced', count(stats.coalesced)],
      ],
    },
    byReason('Disconnects', 'disconnect', disconnects),
    byReason('Refusals', 'refusal', refusals),
    { title: 'Resets', total: count(resets), items: [] },
    byReason('Not handed off', 'notHandedOff', notHandedOff),
  ];
}

function nowOf({ users, channels, away, history }: SSEStats): Card {
  return {
    title: 'Now',
    items: [
      ['users', count(users)],
      ['channels', count(channels)],
      ['away', count(away), 'absent clients whose place is kept'],
      ['history', `${plural(history.events, 'event')}, ${bytes(history.bytes)}`],
    ],
  };
}

function clusterOf({ cluster }: SSEStats, nodes: readonly ClusterNode[]): Card[] {
  if (!cluster) return [];
  const { link, buffered, bufferedBytes, dropped, outages } = cluster;
  const troubles: Card['items'] = [
    ['waiting', `${plural(buffered, 'event')}, ${bytes(bufferedBytes)}`, 'events that wait for the backplane'],
    ['dropped', count(dropped), 'events dropped because too many waited'],
    ['outages', count(outages)],
  ];
  const own: Card['items'] = nodes.map(({ id, clients, here }) => [
    here ? `${id} (this one)` : id,
    plural(clients, 'client'),
  ]);
  return [
    {
      title: 'Cluster',
      total: `link ${link}`,
      items: [...own, ...troubles.filter(([, value]) => !/^0\b/.test(value))],
      isAlarm: link === 'down',
    },
  ];
}

/** The reasons that occurred, most frequent first. */
function byReason(title: string, kind: string, counts: Record<string, number>): Card {
  const reasons = Object.entries(counts).filter(([, value]) => value > 0);
  reasons.sort(([, one], [, other]) => other - one);
  return {
    title,
    total: count(reasons.reduce((sum, [, value]) => sum + value, 0)),
    items: reasons.map(([reason, value]) => [reason, count(value), meaning(kind, reason)]),
  };
}

function show({ title, total, items, isAlarm }: Card): HTMLElement {
  const head = element('h3', {}, title, ...(total === undefined ? [] : [' ', element('b', {}, visible(total))]));
  const list = element('dl', {});
  for (const [name, value, meaning] of items) {
    const pair = element('div', {}, element('dt', {}, foreign(name)), element('dd', {}, visible(value)));
    if (meaning) setAttribute(pair, 'title', meaning);
    list.append(pair);
  }
  return element('section', { class: isAlarm ? 'total alarm' : 'total' }, head, ...(items.length ? [list] : []));
}
