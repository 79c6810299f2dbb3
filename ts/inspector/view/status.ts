/** The state of the connection, and what to do about it. */

import { visible } from '../text/visible.js';
import type { Hello } from '../wire/lines.js';
import type { WatchState } from '../wire/watch.js';
import { byId, element, foreign, setAttribute, setHidden, setText } from './dom.js';

const LABELS: Record<WatchState['name'], string> = {
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'Connection lost',
  token: 'Token needed',
  stopped: 'Stopped',
};

export class Status {
  #state: WatchState = { name: 'connecting' };
  readonly #announce: (text: string) => void;

  /** `retry`: opens the watch now, or asks for the token. */
  constructor(retry: (state: WatchState) => void, announce: (text: string) => void) {
    this.#announce = announce;
    byId('retry').addEventListener('click', () => retry(this.#state));
    // Only the countdown; nothing depends on it.
    setInterval(() => this.#renderBanner(), 500);
  }

  set(state: WatchState): void {
    const isNew = state.name !== this.#state.name;
    // Between two attempts, a screen reader would hear the same again and again.
    const isAttempt = state.name === 'connecting' || (state.name === 'waiting' && this.#state.name === 'connecting');
    const wasLost = document.documentElement.dataset.lost === 'true';
    this.#state = state;
    if (state.name === 'waiting' || state.name === 'stopped') document.documentElement.dataset.lost = 'true';
    if (state.name === 'live') document.documentElement.dataset.lost = 'false';
    setAttribute(byId('status'), 'data-state', state.name);
    setText(byId('status'), LABELS[state.name]);
    this.#renderBanner();
    if (isNew && !(isAttempt && wasLost))
      this.#announce('message' in state ? visible(state.message) : LABELS[state.name]);
  }

  showServer({ version, node, epoch }: Hello): void {
    const facts: [string, string | null][] = [
      ['version', version],
      ['node', node],
      ['epoch', epoch],
    ];
    const shown = facts.filter(([, value]) => value);
    const parts = shown.map(([name, value]) => element('span', {}, `${name} `, foreign(value ?? '', 'foreign')));
    byId('server').replaceChildren(...parts);
  }

  #renderBanner(): void {
    const state = this.#state;
    // While an attempt runs, the reason of the last failure stays.
    if (state.name === 'connecting') return;
    setHidden(byId('banner'), state.name === 'live');
    if (!('message' in state)) return;
    setText(byId('banner-text'), visible(state.message));
    const seconds = state.name === 'waiting' ? Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1_000)) : 0;
    setText(byId('banner-retry'), state.name === 'waiting' ? `Trying again in ${seconds} s. What is below stays.` : '');
    setText(byId('retry'), state.name === 'token' ? 'Enter the token' : 'Try now');
  }
}
