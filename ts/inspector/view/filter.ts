/** The filter. The server applies it, so what is typed takes effect once the typing pauses. */
import { byId, setText } from './dom.js';

const PAUSE_MS = 250;

/** The server accepts no more. */
const MOST_BYTES = 256;

export function followFilter(onFind: (find: string) => void): void {
  const field = byId<HTMLInputElement>('filter');
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = '';
  const apply = (): void => {
    clearTimeout(timer);
    const find = field.value.trim();
    const isTooLong = new TextEncoder().encode(find).length > MOST_BYTES;
    field.setAttribute('aria-invalid', String(isTooLong));
    setText(byId('filter-problem'), isTooLong ? 'A filter has at most 256 bytes.' : '');
    if (isTooLong || find === last) return;
    last = find;
    onFind(find);
  };
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(apply, PAUSE_MS);
  });
  field.addEventListener('keydown', ({ key }) => {
    if (key === 'Enter') apply();
    if (key !== 'Escape') return;
    field.value = '';
    apply();
    field.blur();
  });
}
