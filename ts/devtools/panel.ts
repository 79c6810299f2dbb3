/** The panel: a button in a corner of the page, and the log that it opens. */
import type { ClientEvent, ClientStatus } from '../client/index.js';
import { element } from './element.js';
import { type Entry, entryOf, entryOfState, matches, timeOf } from './entry.js';
import { StreamFacts } from './stream-facts.js';
import { STYLE } from './style.js';

/** Entries that come within this time are drawn together. A timer, because a page that is not painted has no animation frames. */
const DRAW_MS = 50;

/** The maximum number of entries: more would slow down the page. */
const MOST_ENTRIES = 500;

export class Panel {
  readonly #facts = new StreamFacts();
  /** Not drawn yet, because the log is closed or paused, or until the timer ends. */
  #waiting: Entry[] = [];
  readonly #rows = new Map<HTMLLIElement, Entry>();
  #isPaused = false;
  #last: ClientStatus | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #host = document.createElement('ssekit-devtools');
  /** The page's rules can match the host, and count more than its own. */
  readonly #panel = element('div', { class: 'panel' });
  readonly #state = element('span', { role: 'status' });
  readonly #toggle = element('button', { 'aria-expanded': 'false' }, 'SSE');
  readonly #pause = element('button', { 'aria-pressed': 'false' }, 'Pause');
  readonly #filter = element('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter' });
  readonly #summary = element('dl');
  // With the focus, keys scroll it.
  readonly #log = element('ol', { tabindex: '0', 'aria-label': 'Log' });
  readonly #section = element('section', { 'aria-label': 'Events of the stream', hidden: '' });

  constructor() {
    const clear = element('button', {}, 'Clear');
    const close = element('button', {}, 'Close');
    this.#toggle.onclick = () => this.#show(this.#section.hidden !== false);
    this.#pause.onclick = () => this.#setPaused(!this.#isPaused);
    this.#filter.oninput = () => this.#applyFilter();
    clear.onclick = () => this.#clear();
    close.onclick = () => this.#show(false);
    this.#section.onkeydown = ({ key }) => {
      if (key === 'Escape') this.#show(false);
    };
    const tools = element('div', { class: 'tools' }, this.#filter, this.#pause, clear, close);
    this.#section.append(this.#summary, tools, this.#log);
    const root = this.#host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    // Unlike a `style` element, this works under any content security policy.
    root.adoptedStyleSheets = [sheet];
    this.#panel.append(this.#section, element('div', { class: 'corner' }, this.#state, this.#toggle));
    root.append(this.#panel);
  }

  /** Returns the function that takes it out of the page. */
  mount(): () => void {
    document.body.append(this.#host);
    this.#draw();
    return () => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#host.remove();
    };
  }

  status(status: ClientStatus): void {
    // Mounted again.
    if (status === this.#last) return;
    this.#last = status;
    // A page that has no stream yet is connecting, and so is its new stream.
    if (status.state === 'connecting' && this.#panel.dataset.state === 'connecting') return;
    this.#panel.dataset.state = status.state;
    this.#state.textContent = status.state;
    this.#add(entryOfState(status));
  }

  event(event: ClientEvent, at: Date | undefined): void {
    this.#facts.take(event);
    this.#add(entryOf(event, at));
  }

  #add(entry: Entry): void {
    this.#waiting.push(entry);
    if (this.#waiting.length > MOST_ENTRIES) this.#waiting.shift();
    if (!this.#section.hidden) this.#timer ??= setTimeout(() => this.#draw(), DRAW_MS);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#section.hidden) return;
    this.#summarize();
    this.#pause.textContent = this.#isPaused ? `Resume (${this.#waiting.length} new)` : 'Pause';
    if (this.#isPaused) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - 1;
    for (const entry of this.#waiting) this.#append(entry);
    this.#waiting = [];
    if (isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** A row is made once and never moved, so that it stays open and keeps the focus. */
  #append(entry: Entry): void {
    const { at, kind, name, id, text } = entry;
    const head = element(
      'summary',
      {},
      at ? element('time', { datetime: at.toISOString() }, timeOf(at)) : element('time', {}, 'before'),
      element('b', {}, name),
      element('code', {}, id),
      element('span', {}, text),
    );
    const row = element('li', { class: kind }, element('details', {}, head, element('pre', {}, text)));
    row.hidden = !this.#fits(entry);
    this.#rows.set(row, entry);
    this.#log.append(row);
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > MOST_ENTRIES && oldest) {
      this.#rows.delete(oldest);
      oldest.remove();
    }
  }

  #fits(entry: Entry): boolean {
    return matches(entry, this.#filter.value.trim().toLowerCase());
  }

  #applyFilter(): void {
    for (const [row, entry] of this.#rows) row.hidden = !this.#fits(entry);
  }

  #summarize(): void {
    const { clientId, lastId, channels } = this.#facts;
    const facts = { Client: clientId, 'Last id': lastId, Channels: channels.join(', ') };
    const pairs = Object.entries(facts).map(([name, value]) =>
      element('div', {}, element('dt', {}, name), element('dd', {}, value || '–')),
    );
    this.#summary.replaceChildren(...pairs);
  }

  #show(isShown: boolean): void {
    this.#section.hidden = !isShown;
    this.#toggle.setAttribute('aria-expanded', `${isShown}`);
    this.#draw();
    if (isShown) this.#filter.focus();
    else this.#toggle.focus();
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#pause.setAttribute('aria-pressed', `${isPaused}`);
    this.#draw();
  }

  #clear(): void {
    this.#waiting = [];
    this.#rows.clear();
    this.#log.replaceChildren();
    this.#draw();
  }
}
