/** Puts the parts together. */
import { Clients } from './model/clients.js';
import { Continuity } from './model/continuity.js';
import { Feed } from './model/feed.js';
import { Rates } from './model/rates.js';
import { count, plural } from './text/format.js';
import { announce, summarize } from './view/announcer.js';
import { Charts } from './view/charts.js';
import { ClientTable } from './view/client-table.js';
import { DisconnectDialog, type Whom } from './view/disconnect-dialog.js';
import { byId, setHidden } from './view/dom.js';
import { FeedView } from './view/feed-view.js';
import { SendDialog } from './view/send-dialog.js';
import { Status } from './view/status.js';
import { TokenDialog } from './view/token-dialog.js';
import { Totals } from './view/totals.js';
import type { Hello, Rights, Tick } from './wire/lines.js';
import { Watch, type WatchState } from './wire/watch.js';

export class Inspector {
  readonly #clients = new Clients();
  readonly #feed = new Feed();
  readonly #rates = new Rates();
  readonly #continuity = new Continuity();
  readonly #watch = new Watch({
    onState: (state) => this.#setState(state),
    onHello: (hello) => this.#greet(hello),
    onTick: (tick) => this.#apply(tick),
  });
  readonly #status = new Status((state) => this.#retry(state), announce);
  readonly #charts = new Charts();
  readonly #totals = new Totals();
  readonly #sendDialog = new SendDialog();
  readonly #disconnectDialog = new DisconnectDialog(announce);
  readonly #tokenDialog = new TokenDialog(() => this.open());
  readonly #table = new ClientTable(this.#clients, {
    now: () => this.#now(),
    rights: () => this.#rights,
    send: (to) => this.openSend(to),
    disconnect: (whom) => this.#disconnectDialog.open(whom, this.#about(whom)),
  });
  readonly #view = new FeedView(this.#feed, { now: () => this.#now(), onChange: () => this.#render(), announce });
  #rights: Rights = { data: false, send: false, disconnect: false };
  #find = '';
  /** The server's clock minus this page's. */
  #clockOffset = 0;
  #isLost = false;
  #frame = 0;

  open(): void {
    this.#watch.open(this.#find);
  }

  close(): void {
    this.#watch.close();
  }

  find(find: string): void {
    this.#find = find;
    this.#watch.open(find);
    this.#render();
  }

  togglePause(): void {
    this.#view.togglePause();
  }

  openSend(to?: Whom): void {
    this.#sendDialog.open(to);
  }

  #retry(state: WatchState): void {
    if (state.name === 'token') this.#tokenDialog.open(state.message);
    else this.open();
  }

  #setState(state: WatchState): void {
    this.#status.set(state);
    if (state.name === 'token') this.#tokenDialog.open(state.message);
    if (state.name !== 'waiting' && state.name !== 'stopped') return;
    // Only the first of several attempts in vain.
    if (!this.#isLost) this.#note('The connection was lost. What happens until it is back does not appear here.');
    this.#isLost = true;
  }

  #greet(hello: Hello): void {
    this.#clockOffset = hello.now - Date.now();
    this.#rights = hello.rights;
    this.#clients.beginWatch();
    this.#rates.restart();
    this.#status.showServer(hello);
    this.#sendDialog.allow(hello.rights.send);
    setHidden(byId('data-hidden'), hello.rights.data);
    if (this.#isLost) this.#note('The connection is back.');
    this.#isLost = false;
    for (const text of this.#continuity.atHello(hello)) this.#note(text);
    this.#render();
  }

  #apply(tick: Tick): void {
    this.#clockOffset = tick.now - Date.now();
    const { said, isRestart } = this.#continuity.atStats(tick.stats);
    for (const text of said) this.#note(text);
    if (isRestart) this.#rates.restart();
    this.#feed.add(tick.feed, this.#find);
    if (tick.skipped) this.#note(`${count(tick.skipped)} more, too many to show each.`);
    if (tick.clients) this.#clients.apply(tick.clients);
    if (this.#rates.add(tick.now, tick.stats)) {
      this.#charts.render(this.#rates.samples);
      summarize(this.#rates.samples.at(-1));
    }
    this.#totals.render(tick.stats, tick.nodes);
    this.#render();
  }

  #note(text: string): void {
    this.#feed.add([{ type: 'note', at: this.#now(), text }], this.#find);
    this.#render();
  }

  #now(): number {
    return Date.now() + this.#clockOffset;
  }

  #about(whom: Whom): string[] {
    const back = 'A page connects again by itself, unless the server refuses it.';
    if ('user' in whom)
      return [`${plural(this.#clients.ofUser(whom.user), 'client')} of this user can be seen here. ${back}`];
    const user = this.#clients.get(whom.client)?.user;
    return typeof user === 'string' ? ['It belongs to user ', user, `. ${back}`] : [back];
  }

  /** Several lines may come between two frames. */
  #render(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#table.render(this.#find);
      this.#view.render(this.#find);
    });
  }
}
