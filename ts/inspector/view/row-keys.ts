/** Moves through the rows of a list by keys and clicks, as through a grid whose rows take the focus. */
import type { VirtualList } from './virtual-list.js';

const EXPANDS = new Set(['Enter', ' ']);

export function followRows<T>(body: HTMLElement, list: VirtualList<T>): void {
  body.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const to = destination(event.key, list);
    if (to !== undefined) list.focus(to);
    // Within a row, these keys belong to its buttons.
    else if (EXPANDS.has(event.key) && isRow(event.target)) list.toggle(list.indexOf(event.target));
    else return;
    event.preventDefault();
  });
  body.addEventListener('focusin', ({ target }) => list.activate(list.indexOf(target)));
  body.addEventListener('click', ({ target }) => {
    if (!(target instanceof Element) || target.closest('button, .detail') || hasSelection(body)) return;
    list.toggle(list.indexOf(target));
  });
}

function destination<T>(key: string, list: VirtualList<T>): number | undefined {
  const at = list.activeIndex;
  switch (key) {
    case 'ArrowDown':
      return at + 1;
    case 'ArrowUp':
      return at - 1;
    case 'PageDown':
      return at + list.pageSize;
    case 'PageUp':
      return at - list.pageSize;
    case 'Home':
      return 0;
    case 'End':
      return list.length - 1;
    default:
      return undefined;
  }
}

function isRow(target: EventTarget | null): boolean {
  return target instanceof Element && target.getAttribute('role') === 'row';
}

/** Whoever selects text in a row wants to copy it. */
function hasSelection(body: HTMLElement): boolean {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && body.contains(selection.anchorNode);
}
