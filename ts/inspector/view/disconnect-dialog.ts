/** Asks before it disconnects somebody. */
import { plural } from '../text/format.js';
import { visible } from '../text/visible.js';
import { ask } from '../wire/post.js';
import { byId, sentence, setText } from './dom.js';

export type Whom = { client: string } | { user: string };

export class DisconnectDialog {
  readonly #dialog = byId<HTMLDialogElement>('disconnect-dialog');
  readonly #announce: (text: string) => void;
  #whom: Whom = { client: '' };

  constructor(announce: (text: string) => void) {
    this.#announce = announce;
    byId('disconnect-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    byId('disconnect-close').addEventListener('click', () => this.#dialog.close());
  }

  /** `about`: more of the client or user, in a sentence whose even parts are the page's own. */
  open(whom: Whom, about: string[]): void {
    this.#whom = whom;
    const question =
      'user' in whom ? ['Disconnect all clients of user ', whom.user, '? '] : ['Disconnect client ', whom.client, '? '];
    byId('disconnect-text').replaceChildren(...sentence(...question), ...sentence(...about));
    setText(byId('disconnect-result'), '');
    this.#dialog.showModal();
    // The harmless choice.
    byId('disconnect-close').focus();
  }

  async #submit(): Promise<void> {
    const button = byId<HTMLButtonElement>('disconnect-submit');
    button.disabled = true;
    try {
      const { disconnected } = await ask(JSON.stringify({ disconnect: this.#whom }));
      this.#announce(`Disconnected ${plural(Number(disconnected), 'client')}.`);
      this.#dialog.close();
    } catch (error) {
      setText(byId('disconnect-result'), visible((error as Error).message));
    } finally {
      button.disabled = false;
    }
  }
}
