/** A connected client as a row. */

import { transportLabel, transportMeaning } from '../text/explain.js';
import { count, plural, span } from '../text/format.js';
import { visible } from '../text/visible.js';
import type { ClientRow, Rights } from '../wire/lines.js';
import { element, foreign, foreignPlace, setAttribute, setHidden, setText, setTime } from './dom.js';
import { facts, howToAllow, jsonView } from './json-view.js';
import type { Row } from './virtual-list.js';

/** The rest of what a row shows, beside its client. */
export interface Surroundings {
  /** By the server's clock. */
  now(): number;
  rights(): Rights;
}

export function createClientRow({ now, rights }: Surroundings): Row<ClientRow> {
  const [user, id, channels] = [foreignPlace(), foreignPlace(), foreignPlace()];
  const [transport, lag, since] = [element('span'), element('span'), element('time')];
  const remove = action('disconnect', '✕', 'icon');
  const cells = [user, id, channels, transport, lag, since, remove];
  const names = ['user', 'client', 'channels', 'transport', 'lag', 'since', 'act'];
  const line = element('div', { class: 'line', role: 'presentation' });
  line.append(...cells.map((cell, index) => element('span', { role: 'gridcell', class: names[index] ?? '' }, cell)));
  const detail = createDetail(rights);
  const row = element('div', { role: 'row', class: 'row client-row' }, line, detail.element);
  return {
    element: row,
    update(client, isExpanded) {
      setText(user, client.user === null ? 'anonymous' : visible(client.user));
      user.classList.toggle('none', client.user === null);
      setText(id, visible(client.id));
      setText(channels, visible(client.channels.join(', ')) || '–');
      setText(transport, transportLabel(client));
      setAttribute(row, 'data-transport', client.transport);
      setText(lag, lagOf(client));
      lag.classList.toggle('lagging', client.lag.events > 0);
      setTime(since, client.connectedAt, span(Math.max(0, now() - client.connectedAt)));
      setHidden(remove, !rights().disconnect);
      setAttribute(remove, 'aria-label', `Disconnect client ${visible(client.id)}`);
      detail.update(client, isExpanded);
    },
  };
}

function lagOf({ lag }: ClientRow): string {
  return lag.events ? `${count(lag.events)} · ${count(lag.ms)} ms` : '–';
}

/** A button of a row. The list says what it does, by its name. */
function action(name: string, label: string, className = ''): HTMLButtonElement {
  return element('button', { type: 'button', 'data-action': name, class: className }, label);
}

function createDetail(rights: () => Rights): Row<ClientRow> {
  const about = element('div');
  const toUser = action('send-user', 'Send to user…');
  const endUser = action('disconnect-user', 'Disconnect user…', 'danger');
  const end = action('disconnect', 'Disconnect client…', 'danger');
  const why = element('p', { class: 'note' }, 'Disconnecting is off. ', ...howToAllow('disconnect'));
  const actions = element('div', { class: 'actions' }, action('send-client', 'Send to client…'), toUser, end, endUser);
  const detail = element('div', { role: 'gridcell', class: 'detail', hidden: '' }, about, actions, why);
  let shown: ClientRow | undefined;
  return {
    element: detail,
    update(client, isExpanded) {
      setHidden(detail, !isExpanded);
      const { disconnect, data } = rights();
      setHidden(toUser, client.user === null);
      setHidden(end, !disconnect);
      setHidden(endUser, !disconnect || client.user === null);
      setHidden(why, disconnect);
      if (!isExpanded || shown === client) return;
      shown = client;
      about.replaceChildren(aboutClient(client, data));
    },
  };
}

function aboutClient(client: ClientRow, showsData: boolean): HTMLElement {
  const connected = element('time');
  setTime(connected, client.connectedAt, new Date(client.connectedAt).toLocaleString());
  const channels = client.channels.flatMap((channel) => [foreign(channel, 'foreign'), ' ']);
  return facts([
    ['Client', foreign(client.id, 'foreign')],
    ['User', client.user === null ? 'anonymous' : foreign(client.user, 'foreign')],
    ['Connected', connected],
    ['Transport', transportMeaning(client)],
    ['Lag', `${plural(client.lag.events, 'event')}, ${count(client.lag.ms)} ms`],
    ['Channels', ...(channels.length ? channels : ['none'])],
    ['Data', ...(showsData ? dataOf(client) : ['Hidden. ', ...howToAllow('data')])],
  ]);
}

function dataOf(client: ClientRow): (Node | string)[] {
  return client.data === null || client.data === undefined ? ['none'] : [jsonView(JSON.stringify(client.data))];
}
