/** Chooses the section that a narrow window shows. A wide one shows all. */
import { byId, setAttribute } from './dom.js';

export function followSections(): void {
  const bar = byId('sections');
  bar.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? target.closest<HTMLElement>('[data-section]') : null;
    if (!button) return;
    setAttribute(document.documentElement, 'data-section', button.dataset.section ?? '');
    for (const other of bar.querySelectorAll('[data-section]')) {
      if (other === button) setAttribute(other, 'aria-current', 'true');
      else other.removeAttribute('aria-current');
    }
  });
}
