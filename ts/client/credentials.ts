/** The credentials from `auth`, kept until they are refused or about to expire. */
import { causedBy } from './error.js';
import type { Credentials, SSEClientOptions } from './types.js';

export interface Keyring {
  /** Those that are held, or new ones. Concurrent calls ask once. */
  get(): Promise<Credentials>;
  /** Forgets what was refused. Returns whether asking again could help. */
  forget(): boolean;
  /** The milliseconds until new ones should be asked for; `NaN` if that is unknown. */
  leftMs(): number;
}

export function createKeyring(auth: SSEClientOptions['auth']): Keyring {
  let held: Promise<Credentials> | undefined;
  /** Compares with nothing while it is unknown. */
  let until = Number.NaN;

  function forget(): boolean {
    held = undefined;
    until = Number.NaN;
    return !!auth;
  }

  async function ask(): Promise<Credentials> {
    try {
      const given = (await auth?.()) ?? {};
      const credentials = typeof given === 'string' ? { ticket: given } : given;
      const ms = (credentials.expiresIn as number) * 1_000;
      // Half a minute early; of a short life, a tenth. But never again at once.
      until = Date.now() + Math.max(5_000, ms - 30_000, ms * 0.9);
      return credentials;
    } catch (cause) {
      throw causedBy('auth', 'auth failed', cause);
    }
  }

  return {
    async get() {
      // Timers may be early by a moment.
      if (until < Date.now() + 99) forget();
      held ??= ask();
      held.catch(forget);
      return held;
    },
    forget,
    leftMs: () => until - Date.now(),
  };
}
