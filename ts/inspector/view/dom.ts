/** Makes and changes elements. Everything is text: nothing here parses HTML, and the policy of the page forbids it. */
import { element } from '../../devtools/element.js';
import { clock, isoTime } from '../text/format.js';
import { visible } from '../text/visible.js';

export { element };

/** An element of page.html. */
export function byId<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`page.html has no #${id}`);
  return found as T;
}

/** Changes nothing where nothing has changed, which costs the browser nothing. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target: Element, name: string, value: string): void {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

export function setHidden(target: HTMLElement, isHidden: boolean): void {
  if (target.hidden !== isHidden) target.hidden = isHidden;
}

/** An empty place for foreign text, isolated from the direction of the text around it. */
export function foreignPlace(className = ''): HTMLElement {
  return element('bdi', { dir: 'auto', ...(className && { class: className }) });
}

/** Foreign text, isolated. */
export function foreign(text: string, className = ''): HTMLElement {
  const place = foreignPlace(className);
  place.textContent = visible(text);
  return place;
}

/** Text with foreign parts in it: the even ones are the page's own. */
export function sentence(...parts: string[]): (Node | string)[] {
  return parts.map((part, index) => (index % 2 ? foreign(part, 'foreign') : part));
}

/** Shows a time of day, or what else `text` says of this moment. */
export function setTime(target: HTMLTimeElement, ms: number, text = clock(ms)): void {
  setAttribute(target, 'datetime', isoTime(ms));
  setText(target, text);
}
