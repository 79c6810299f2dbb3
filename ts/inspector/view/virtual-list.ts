/** A list of which only the rows in sight are in the document. Each is a row of a grid, and can be expanded. */
import { setAttribute } from './dom.js';
import { Layout } from './layout.js';

type Key = string | number;

export interface Row<T> {
  element: HTMLElement;
  update(item: T, isExpanded: boolean): void;
}

export interface ListOptions<T> {
  /** It scrolls, and it has the size of what is in sight. */
  scroller: HTMLElement;
  /** It contains the rows. */
  body: HTMLElement;
  keyOf(item: T): Key;
  createRow(): Row<T>;
  canExpand(item: T): boolean;
  /** A row was expanded or collapsed or got the focus, or the list was scrolled. */
  onMoved?(): void;
}

/** More rows than are in sight, so that a scroll has something to show at once. */
const MARGIN_PX = 200;

export class VirtualList<T> {
  readonly #options: ListOptions<T>;
  readonly #rows = new Map<Key, Row<T>>();
  readonly #spare: Row<T>[] = [];
  readonly #heights = new Map<Key, number>();
  #items: readonly T[] = [];
  #indexes = new Map<Key, number>();
  #layout = new Layout(0, 0, new Map());
  #rowHeight = 0;
  /** The row that the Tab key reaches. */
  #active: Key | undefined;

  constructor(options: ListOptions<T>) {
    this.#options = options;
    const { scroller } = options;
    scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(scroller);
  }

  get length(): number {
    return this.#items.length;
  }

  get hasExpanded(): boolean {
    return [...this.#heights.keys()].some((key) => this.#indexes.has(key));
  }

  get isAtTop(): boolean {
    return this.#options.scroller.scrollTop < 4;
  }

  /** The index of the row that has the focus, or would get it. */
  get activeIndex(): number {
    return this.#active === undefined ? -1 : (this.#indexes.get(this.#active) ?? -1);
  }

  show(items: readonly T[]): void {
    const { keyOf } = this.#options;
    const [last, focused, anchor] = [this.activeIndex, this.#focused(), this.#anchor()];
    this.#items = items;
    this.#indexes = new Map(items.map((item, index) => [keyOf(item), index]));
    for (const key of this.#heights.keys()) if (!this.#indexes.has(key)) this.#heights.delete(key);
    if (!this.#indexes.has(this.#active as Key)) this.activate(Math.max(0, last));
    this.#layOut();
    if (anchor) this.#options.scroller.scrollTop += this.#topOf(anchor.key, anchor.top) - anchor.top;
    this.render();
    this.#keepFocus(focused);
  }

  render(): void {
    this.#rowHeight ||= this.#readRowHeight();
    this.#place();
    // The height of an expanded row is known once it is laid out.
    if (this.#measure()) this.#place();
  }

  indexOf(target: EventTarget | null): number {
    for (const [key, { element }] of this.#rows) {
      if (target instanceof Node && element.contains(target)) return this.#indexes.get(key) ?? -1;
    }
    return -1;
  }

  itemOf(target: EventTarget | null): T | undefined {
    return this.#items[this.indexOf(target)];
  }

  toggle(index: number): void {
    const item = this.#items[index];
    if (item === undefined || !this.#options.canExpand(item)) return;
    const key = this.#options.keyOf(item);
    if (!this.#heights.delete(key)) this.#heights.set(key, this.#rowHeight);
    this.activate(index);
    this.render();
    this.#scrollTo(index);
    this.#options.onMoved?.();
  }

  collapseAll(): void {
    this.#heights.clear();
  }

  /** Moves the focus to a row, and the row into sight. */
  focus(index: number): void {
    if (!this.#items.length) return;
    const at = Math.min(this.#items.length - 1, Math.max(0, index));
    this.activate(at);
    this.#scrollTo(at);
    this.render();
    this.#rows.get(this.#active as Key)?.element.focus({ preventScroll: true });
    this.#options.onMoved?.();
  }

  /** The Tab key reaches this row from now on. */
  activate(index: number): void {
    const item = this.#items[Math.min(index, this.#items.length - 1)];
    this.#active = item === undefined ? undefined : this.#options.keyOf(item);
  }

  /** The number of rows that fit. */
  get pageSize(): number {
    return Math.max(1, Math.floor(this.#options.scroller.clientHeight / (this.#rowHeight || 1)) - 1);
  }

  #scrollTo(index: number): void {
    const { scroller, body } = this.#options;
    const { top, height } = this.#layout.at(index);
    // The head that stays at the top of the scroller covers that much of it.
    const head = body.offsetTop;
    const lowest = top + height + head - scroller.clientHeight;
    // Of a row that is too high, the beginning.
    scroller.scrollTop = Math.min(top, Math.max(lowest, scroller.scrollTop));
  }

  /** The row that must not move while others come and go: whoever looks at the newest rows wants them to move. */
  #anchor(): { key: Key; top: number } | undefined {
    const { scroller, body, keyOf } = this.#options;
    // A click leaves a focus, too, but nobody sees it.
    const isChosen = body.querySelector(':focus-visible') !== null || this.#heights.has(this.#active as Key);
    if (this.isAtTop && !isChosen) return undefined;
    const index = isChosen ? this.activeIndex : this.#layout.between(scroller.scrollTop, scroller.scrollTop)[0];
    const item = this.#items[index];
    return item && { key: keyOf(item), top: this.#layout.at(index).top };
  }

  #topOf(key: Key, otherwise: number): number {
    const index = this.#indexes.get(key);
    return index === undefined ? otherwise : this.#layout.at(index).top;
  }

  #layOut(): void {
    const heights = new Map([...this.#heights].map(([key, height]) => [this.#indexes.get(key) ?? -1, height]));
    this.#layout = new Layout(this.#items.length, this.#rowHeight, heights);
    this.#options.body.style.height = `${this.#layout.height}px`;
  }

  #place(): void {
    const { scroller, body } = this.#options;
    this.#layOut();
    const from = scroller.scrollTop - body.offsetTop - MARGIN_PX;
    const [first, last] = this.#layout.between(from, from + scroller.clientHeight + 2 * MARGIN_PX);
    const indexes = Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset);
    // A row with the focus would lose it outside of the document.
    const active = this.activeIndex;
    if (active >= 0 && active < first) indexes.unshift(active);
    else if (active >= last) indexes.push(active);
    this.#fill(indexes);
  }

  #fill(indexes: number[]): void {
    const { body, keyOf } = this.#options;
    const keys = new Set(indexes.map((index) => keyOf(this.#items[index] as T)));
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
      this.#spare.push(row);
    }
    let next = body.firstElementChild;
    for (const index of indexes) {
      const { element } = this.#row(index);
      // A row that is in its place is not moved, because it would lose the focus.
      if (element === next) next = element.nextElementSibling;
      else body.insertBefore(element, next);
    }
  }

  #row(index: number): Row<T> {
    const { keyOf, createRow, canExpand } = this.#options;
    const item = this.#items[index] as T;
    const key = keyOf(item);
    const row = this.#rows.get(key) ?? this.#spare.pop() ?? createRow();
    this.#rows.set(key, row);
    const { element } = row;
    const isExpanded = this.#heights.has(key);
    row.update(item, isExpanded);
    element.style.transform = `translateY(${this.#layout.at(index).top}px)`;
    element.classList.toggle('odd', index % 2 === 1);
    // The head is the first row.
    setAttribute(element, 'aria-rowindex', String(index + 2));
    setAttribute(element, 'tabindex', key === this.#active ? '0' : '-1');
    if (canExpand(item)) setAttribute(element, 'aria-expanded', String(isExpanded));
    else element.removeAttribute('aria-expanded');
    return row;
  }

  /** Returns whether a height has changed. */
  #measure(): boolean {
    let hasChanged = false;
    for (const [key, height] of this.#heights) {
      const measured = this.#rows.get(key)?.element.offsetHeight || height;
      hasChanged ||= measured !== height;
      this.#heights.set(key, measured);
    }
    return hasChanged;
  }

  #focused(): Element | null {
    const { activeElement } = document;
    return this.#options.body.contains(activeElement) ? activeElement : null;
  }

  /** The row may have been moved, or it is gone: then the one in its place gets the focus. */
  #keepFocus(focused: Element | null): void {
    if (!focused || focused === document.activeElement) return;
    const target = focused.isConnected ? (focused as HTMLElement) : this.#rows.get(this.#active as Key)?.element;
    (target ?? this.#options.scroller).focus({ preventScroll: true });
  }

  /** The style sheet knows it, and it depends on the width of the window. */
  #readRowHeight(): number {
    return Number.parseFloat(getComputedStyle(this.#options.scroller).getPropertyValue('--row-height')) || 0;
  }

  #scrolled(): void {
    this.render();
    this.#options.onMoved?.();
  }

  #resized(): void {
    this.#rowHeight = this.#readRowHeight();
    this.render();
  }
}
