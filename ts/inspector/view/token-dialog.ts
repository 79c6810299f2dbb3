/** Asks for the token of the listener. */
import { visible } from '../text/visible.js';
import { setToken } from '../wire/token.js';
import { byId, setText } from './dom.js';

export class TokenDialog {
  readonly #dialog = byId<HTMLDialogElement>('token-dialog');
  readonly #field = byId<HTMLInputElement>('token');

  /** `onToken`: there is a token to try. */
  constructor(onToken: () => void) {
    byId('token-form').addEventListener('submit', (event) => {
      event.preventDefault();
      setToken(this.#field.value.trim());
      this.#field.value = '';
      this.#dialog.close();
      onToken();
    });
  }

  /** `message`: what the server says. */
  open(message: string): void {
    setText(byId('token-message'), visible(message));
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#field.focus();
  }
}
