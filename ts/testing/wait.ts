/** Waits for what a test expects. */
import { clearTimeout, setTimeout } from 'node:timers';

export interface WaitOptions {
  /** After this time, in milliseconds, the promise rejects and says what there is. Default: 1,000. */
  timeoutMs?: number;
}

/** Node's own timers, taken before a test puts others in their place: a frozen clock must not let a test wait for ever. */
const [later, never] = [setTimeout, clearTimeout];

/** Something that changes, and those who wait for it. */
export class Changes {
  readonly #looks = new Set<() => void>();

  /** Called after each change. */
  tell(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves with what `find` finds, now or after a change. `problem` says in an error what there is instead. */
  until<T>(find: () => T | undefined, problem: () => string, { timeoutMs = 1_000 }: WaitOptions = {}): Promise<T> {
    const found = find();
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#looks.delete(look);
        never(timer);
      };
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        end();
        resolve(found);
      };
      const timer = later(() => {
        end();
        reject(new Error(`${problem()} Waited for ${timeoutMs} ms.`));
      }, timeoutMs);
      this.#looks.add(look);
    });
  }
}
