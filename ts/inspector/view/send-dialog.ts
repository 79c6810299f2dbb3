/** The form that sends a test event. */

import { plural } from '../text/format.js';
import { jsonProblem } from '../text/json.js';
import { visible } from '../text/visible.js';
import type { Audience } from '../wire/lines.js';
import { ask } from '../wire/post.js';
import { byId, setAttribute, setHidden, setText } from './dom.js';
import { howToAllow } from './json-view.js';

type Kind = 'user' | 'client' | 'channel' | 'all';

const NAMES: Record<Kind, string> = { user: 'User id', client: 'Client id', channel: 'Channel', all: '' };

export class SendDialog {
  readonly #dialog = byId<HTMLDialogElement>('send-dialog');
  readonly #kind = byId<HTMLSelectElement>('send-kind');
  readonly #name = byId<HTMLInputElement>('send-name');
  readonly #event = byId<HTMLInputElement>('send-event');
  readonly #data = byId<HTMLTextAreaElement>('send-data');

  constructor() {
    byId('send-off').replaceChildren('Sending is off. ', ...howToAllow('send'));
    this.#kind.addEventListener('change', () => this.#showKind());
    this.#data.addEventListener('input', () => this.#showProblem(undefined));
    byId('send-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    byId('send-close').addEventListener('click', () => this.#dialog.close());
  }

  allow(isAllowed: boolean): void {
    byId<HTMLFieldSetElement>('send-fields').disabled = !isAllowed;
    byId<HTMLButtonElement>('send-submit').disabled = !isAllowed;
    setHidden(byId('send-off'), isAllowed);
  }

  /** `to`: where a row of the table wants to send. */
  open(to?: { client: string } | { user: string }): void {
    if (to) {
      const [kind, name] = Object.entries(to)[0] as [Kind, string];
      this.#kind.value = kind;
      this.#name.value = name;
    }
    this.#showKind();
    this.#say('', false);
    if (!this.#dialog.open) this.#dialog.showModal();
    if (to) this.#event.focus();
  }

  #showKind(): void {
    const label = NAMES[this.#kind.value as Kind];
    setHidden(byId('send-name-row'), !label);
    this.#name.required = Boolean(label);
    if (label) setText(byId('send-name-label'), label);
  }

  async #submit(): Promise<void> {
    const data = this.#data.value.trim();
    const problem = data ? jsonProblem(data) : 'There is no data. `null` is data, too.';
    this.#showProblem(problem);
    if (problem) return this.#data.focus();
    const to = this.#audience();
    const button = byId<HTMLButtonElement>('send-submit');
    button.disabled = true;
    try {
      // The data goes as it was typed, so that no number loses digits.
      const head = `"to":${JSON.stringify(to)},"event":${JSON.stringify(this.#event.value || 'message')}`;
      const { receivers } = await ask(`{"send":{${head},"data":${data}}}`);
      this.#say(
        receivers ? `Sent to ${plural(Number(receivers), 'client')}.` : 'Sent, but no such client is connected.',
        false,
      );
    } catch (error) {
      this.#say((error as Error).message, true);
    } finally {
      // The right may have been taken away meanwhile.
      button.disabled = byId<HTMLFieldSetElement>('send-fields').disabled;
    }
  }

  #audience(): Audience {
    const kind = this.#kind.value as Kind;
    return (kind === 'all' ? { all: true } : { [kind]: this.#name.value }) as Audience;
  }

  #showProblem(problem: string | undefined): void {
    setText(byId('send-data-problem'), problem ? `This is not JSON: ${visible(problem)}` : '');
    setAttribute(this.#data, 'aria-invalid', String(problem !== undefined));
  }

  #say(text: string, isProblem: boolean): void {
    const result = byId('send-result');
    setText(result, visible(text));
    result.classList.toggle('problem', isProblem);
  }
}
