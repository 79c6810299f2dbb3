/** The feed, newest first. It stands still while somebody pauses it, or reads in it. */
import type { Feed, FeedItem, FeedKind } from '../model/feed.js';
import { count, plural } from '../text/format.js';
import { byId, setAttribute, setHidden, setText } from './dom.js';
import { createFeedRow } from './feed-row.js';
import { howToAllow } from './json-view.js';
import { followRows } from './row-keys.js';
import { VirtualList } from './virtual-list.js';

export interface FeedOptions {
  /** By the server's clock. */
  now(): number;
  /** The feed has to be shown again. */
  onChange(): void;
  announce(text: string): void;
}

export class FeedView {
  readonly #feed: Feed;
  readonly #options: FeedOptions;
  readonly #list: VirtualList<FeedItem>;
  /** Paused by the button or its key, so that only those resume. */
  #isPaused = false;

  constructor(feed: Feed, options: FeedOptions) {
    this.#feed = feed;
    this.#options = options;
    const body = byId('feed-body');
    this.#list = new VirtualList<FeedItem>({
      scroller: byId('feed-scroller'),
      body,
      keyOf: ({ key }) => key,
      createRow: createFeedRow,
      canExpand: ({ entry }) => entry.type === 'event',
      onMoved: () => this.#followReader(),
    });
    followRows(body, this.#list);
    byId('data-hidden').replaceChildren('The data of events and clients is hidden. ', ...howToAllow('data'));
    body.addEventListener('focusin', () => this.#followReader());
    byId('pause').addEventListener('click', () => this.togglePause());
    byId('feed-kinds').addEventListener('click', ({ target }) => this.#toggleKind(target));
  }

  togglePause(): void {
    const { announce, now, onChange } = this.#options;
    if (this.#feed.isHeld) {
      announce(
        `The feed goes on. ${plural(this.#feed.heldCount, 'entry').replace('entrys', 'entries')} came meanwhile.`,
      );
      this.#isPaused = false;
      this.#list.collapseAll();
      // With the focus in it, the feed would be held again.
      if (byId('feed-body').contains(document.activeElement)) byId('pause').focus();
      this.#feed.release(now());
      byId('feed-scroller').scrollTop = 0;
    } else {
      this.#isPaused = true;
      this.#feed.hold();
      announce('The feed is paused.');
    }
    onChange();
  }

  render(find: string): void {
    const items = this.#feed.items(find);
    setAttribute(byId('feed-grid'), 'aria-rowcount', String(items.length + 1));
    setHidden(byId('feed-empty'), items.length > 0);
    setText(byId('feed-empty'), find ? 'Nothing that matches the filter has happened.' : 'Nothing has happened yet.');
    this.#renderPause();
    this.#list.show(items);
  }

  #renderPause(): void {
    const { isHeld, heldCount } = this.#feed;
    const button = byId('pause');
    setText(byId('pause-label'), isHeld ? 'Resume' : 'Pause');
    setAttribute(button, 'data-held', String(isHeld));
    const reason = this.#isPaused ? 'Paused' : 'Held while you read';
    setText(byId('held'), isHeld ? `${reason}: ${count(heldCount)} held back` : '');
  }

  /** Whoever scrolls away from the newest entries, or opens one, wants to read. */
  #followReader(): void {
    if (this.#isPaused) return;
    // That of a click does not count, because nobody sees it.
    const hasFocus = byId('feed-body').querySelector(':focus-visible') !== null;
    const isReading = !this.#list.isAtTop || this.#list.hasExpanded || hasFocus;
    if (isReading === this.#feed.isHeld) return;
    if (isReading) this.#feed.hold();
    else this.#feed.release(this.#options.now());
    this.#options.onChange();
  }

  #toggleKind(target: EventTarget | null): void {
    const button = target instanceof Element ? target.closest<HTMLElement>('[data-kind]') : null;
    if (!button) return;
    const kind = button.dataset.kind as FeedKind;
    this.#feed.toggle(kind);
    setAttribute(button, 'aria-pressed', String(!this.#feed.isOff(kind)));
    this.#options.onChange();
  }
}
