/** `listen`: completes the options from the environment, and starts the listener. */
import type { NativeListener } from '../../binding.js';
import type { Listener, ListenOptions } from '../../index';
import { native } from './binding.js';
import { watchSigterm } from './drain.js';
import { fromEnvironment } from './environment.js';
import { completeFrom } from './options.js';

export async function listen(options: ListenOptions = {}): Promise<Listener> {
  const listener = native().listen(completeFrom(fromEnvironment(process.env), options));
  watchSigterm();
  return new RunningListener(listener);
}

class RunningListener implements Listener {
  readonly host: string | null;
  readonly port: number | null;
  readonly #native: NativeListener;
  /** Native code does not keep Node alive, but a server is expected to. */
  readonly #alive = setInterval(() => {}, 0x7fff_ffff);

  constructor(listener: NativeListener) {
    this.#native = listener;
    this.host = listener.host ?? null;
    this.port = listener.port ?? null;
  }

  get connections(): number {
    return this.#native.connections;
  }

  async close(): Promise<void> {
    clearInterval(this.#alive);
    await new Promise<void>((resolve) => this.#native.close(resolve));
  }

  ref(): this {
    this.#alive.ref?.();
    return this;
  }

  unref(): this {
    this.#alive.unref?.();
    return this;
  }
}
