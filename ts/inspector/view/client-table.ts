/** The connected clients. */
import type { Clients, SortKey } from '../model/clients.js';
import { count, plural } from '../text/format.js';
import type { ClientRow } from '../wire/lines.js';
import { createClientRow, type Surroundings } from './client-row.js';
import { byId, setAttribute, setHidden, setText } from './dom.js';
import { followRows } from './row-keys.js';
import { VirtualList } from './virtual-list.js';

export interface ClientActions extends Surroundings {
  send(to: { client: string } | { user: string }): void;
  disconnect(whom: { client: string } | { user: string }): void;
}

export class ClientTable {
  readonly #clients: Clients;
  readonly #list: VirtualList<ClientRow>;
  readonly #grid = byId('clients-grid');

  constructor(clients: Clients, actions: ClientActions) {
    this.#clients = clients;
    const body = byId('clients-body');
    this.#list = new VirtualList<ClientRow>({
      scroller: byId('clients-scroller'),
      body,
      keyOf: ({ id }) => id,
      createRow: () => createClientRow(actions),
      canExpand: () => true,
    });
    followRows(body, this.#list);
    body.addEventListener('click', ({ target }) => this.#act(target, actions));
    byId('clients-head').addEventListener('click', ({ target }) => this.#sort(target));
  }

  render(find: string): void {
    const rows = this.#clients.sorted();
    setAttribute(this.#grid, 'aria-rowcount', String(rows.length + 1));
    setText(byId('clients-count'), this.#clients.isKnown ? this.#summary(rows.length) : '');
    setHidden(byId('clients-empty'), rows.length > 0 || !this.#clients.isKnown);
    setText(byId('clients-empty'), find ? 'No client matches the filter.' : 'No client is connected.');
    this.#list.show(rows);
  }

  #summary(shown: number): string {
    const { matching, total } = this.#clients;
    if (shown < matching) return `${count(shown)} shown of ${count(matching)}; filter to see others`;
    return matching < total ? `${count(matching)} of ${count(total)} match` : plural(total, 'client');
  }

  #act(target: EventTarget | null, { send, disconnect }: ClientActions): void {
    const button = target instanceof Element ? target.closest<HTMLElement>('button[data-action]') : null;
    const client = button && this.#list.itemOf(button);
    if (!client) return;
    const { id, user } = client;
    const name = button.dataset.action;
    if (name === 'send-client') send({ client: id });
    else if (name === 'disconnect') disconnect({ client: id });
    else if (user === null) return;
    else if (name === 'send-user') send({ user });
    else if (name === 'disconnect-user') disconnect({ user });
  }

  #sort(target: EventTarget | null): void {
    const head = target instanceof Element ? target.closest<HTMLElement>('[data-sort]') : null;
    if (!head) return;
    this.#clients.sortBy(head.dataset.sort as SortKey);
    const { key, isDescending } = this.#clients.sort;
    for (const cell of byId('clients-head').querySelectorAll<HTMLElement>('[data-sort]')) {
      if (cell.dataset.sort === key) setAttribute(cell, 'aria-sort', isDescending ? 'descending' : 'ascending');
      else cell.removeAttribute('aria-sort');
    }
    this.#list.show(this.#clients.sorted());
  }
}
