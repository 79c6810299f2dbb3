/** Shows data: laid out and coloured if it is JSON, and as it is otherwise. */
import { prettyJson } from '../text/json.js';
import { visibleLines } from '../text/visible.js';
import type { Rights } from '../wire/lines.js';
import { element } from './dom.js';

export function jsonView(text: string): HTMLElement {
  const tokens = prettyJson(text);
  const parts = tokens?.map(({ kind, text }) => {
    const shown = visibleLines(text);
    return kind === 'mark' ? shown : element('span', { class: kind }, shown);
  });
  return element('pre', { class: 'json', dir: 'ltr' }, ...(parts ?? [visibleLines(text)]));
}

export function facts(pairs: [name: string, ...value: (Node | string)[]][]): HTMLElement {
  const list = element('dl', { class: 'facts' });
  for (const [name, ...value] of pairs) {
    list.append(element('div', {}, element('dt', {}, name), element('dd', {}, ...value)));
  }
  return list;
}

/** Advice where a right is missing. The route asks `authorize`; the listener has an option. */
export function howToAllow(right: keyof Rights): (Node | string)[] {
  const code = (text: string): HTMLElement => element('code', {}, text);
  const [grant, option] = [code(`{ ${right}: true }`), code(`inspector.${right}`)];
  return ['To allow it, let ', code('authorize'), ' return ', grant, '; at the listener, set ', option, '.'];
}
