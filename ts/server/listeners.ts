/** `on` and `off`: one native subscription while there are listeners, no subscription otherwise. */
import { EventEmitter } from 'node:events';

import type { Notice, Subscription } from '../../binding.js';
import type { DisconnectReason, SSEListeners } from '../../index';
import { native } from './binding.js';
import { argumentError } from './errors.js';

const TYPES: readonly (keyof SSEListeners)[] = ['connect', 'disconnect', 'userOnline', 'userOffline', 'error'];

/** The listeners of all copies of this package in a JavaScript environment. The number is the version of the data that they share. */
const KEY = Symbol.for('ssekit.listeners.1');

const shared = globalThis as { [KEY]?: Set<{ clear(): void }> };

/** Removes the listeners of this environment, at the end of a test file: the hub outlives it. */
export function clearListeners(): void {
  for (const listeners of shared[KEY] ?? []) listeners.clear();
}

export class Listeners {
  readonly #emitter = new EventEmitter();
  #subscription: Subscription | undefined;
  /** Where the subscription is: a test may put another in its place. */
  #binding: object | undefined;

  add(type: keyof SSEListeners, listener: unknown): void {
    this.#emitter.on(checkType(type), checkListener(listener));
    shared[KEY] ??= new Set();
    const binding = native();
    if (this.#binding !== binding) this.#end();
    shared[KEY]?.add(this);
    this.#binding = binding;
    this.#subscription ??= binding.subscribe((notice) => this.#emit(notice));
  }

  remove(type: keyof SSEListeners, listener: unknown): void {
    this.#emitter.off(checkType(type), checkListener(listener));
    if (TYPES.some((type) => this.#emitter.listenerCount(type) > 0)) return;
    this.#end();
  }

  /** Removes all listeners, at the end of a test file. */
  clear(): void {
    this.#emitter.removeAllListeners();
    this.#end();
  }

  #end(): void {
    shared[KEY]?.delete(this);
    this.#subscription?.end();
    this.#subscription = undefined;
  }

  #emit(notice: Notice): void {
    const { type, userId = null } = notice;
    const client = { clientId: notice.clientId, userId };
    if (type === 'connect') this.#emitter.emit(type, client);
    if (type === 'disconnect') this.#emitter.emit(type, { ...client, reason: notice.reason as DisconnectReason });
    if (type === 'userOnline' || type === 'userOffline') this.#emitter.emit(type, { userId });
    if (type === 'error') this.#emitError(new Error(notice.message));
  }

  /** An `error` without a listener must not end the process, because no client may be able to end it. */
  #emitError(error: Error): void {
    if (this.#emitter.listenerCount('error') > 0) this.#emitter.emit('error', error);
    else process.emitWarning(error.message, 'SSEKitWarning');
  }
}

function checkType(type: keyof SSEListeners): keyof SSEListeners {
  if (!TYPES.includes(type)) throw argumentError('type', type, TYPES.map((known) => `'${known}'`).join(' or '));
  return type;
}

function checkListener(listener: unknown): (...args: unknown[]) => void {
  if (typeof listener !== 'function') throw argumentError('listener', listener, 'a function');
  return listener as (...args: unknown[]) => void;
}
