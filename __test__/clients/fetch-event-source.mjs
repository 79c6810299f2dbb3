/**
 * https://www.npmjs.com/package/@microsoft/fetch-event-source: for pages, over fetch. It reconnects by itself.
 *
 * Of the page it uses the timers of `window` and, to pause while the page is hidden, `document`. Both are made of what Node.js
 * has; its fetch, its parser and its reconnecting are used as they are.
 */
import { fetchEventSource } from '@microsoft/fetch-event-source';

globalThis.window = globalThis;
globalThis.document = Object.assign(new EventTarget(), { hidden: false });

export function open({ url }, onEvent) {
  const controller = new AbortController();
  const onmessage = ({ event, data, id }) => onEvent({ name: event || 'message', data, id });
  fetchEventSource(url, { signal: controller.signal, onmessage });
  return () => controller.abort();
}
