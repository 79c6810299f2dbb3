/** Waiting for a condition. The deadline turns a hang into a failure; it decides nothing else. */
import { setTimeout as delay } from 'node:timers/promises';

const DEADLINE_MS = 30_000;

/** Polls until `condition` holds (is truthy), and returns what it returned. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await condition();
    if (value) return value as Exclude<T, false | null | undefined>;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await delay(5);
  }
}
