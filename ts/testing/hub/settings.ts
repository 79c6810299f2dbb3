/** The options of a hub, in the form that it uses. */
import type { LogBounds } from './event-log.js';
import { HUB_OPTIONS } from './option-table.js';
import { type Values, withDefaults } from './read-options.js';

export class Settings {
  readonly values: Values;

  constructor(given: Values = new Map()) {
    this.values = withDefaults(given, HUB_OPTIONS);
  }

  number(name: string): number {
    return this.values.get(name) as number;
  }

  text(name: string): string {
    return this.values.get(name) as string;
  }

  get logBounds(): LogBounds {
    return { maxEvents: this.number('history.maxEvents'), maxBytes: this.number('history.maxBytes') };
  }

  /** The name of the first option that differs. */
  difference(other: Settings): string | undefined {
    const same = (name: string): boolean =>
      JSON.stringify(this.values.get(name)) === JSON.stringify(other.values.get(name));
    return [...this.values.keys()].find((name) => !same(name));
  }

  /** The options of the channels with this name. Of the names that end with `*`, the longest one counts. */
  channel(name: string): { presence: boolean; bounds: LogBounds | undefined } {
    const kinds = Object.entries(this.values.get('channels') as Record<string, Record<string, unknown>>);
    const length = (pattern: string): number => {
      if (!pattern.endsWith('*')) return pattern === name ? Number.POSITIVE_INFINITY : -1;
      return name.startsWith(pattern.slice(0, -1)) ? pattern.length : -1;
    };
    const fitting = kinds.filter(([pattern]) => length(pattern) >= 0);
    const [, options = {}] = fitting.sort(([one], [other]) => length(other) - length(one))[0] ?? [];
    const { 'history.maxEvents': maxEvents, 'history.maxBytes': maxBytes } = options as Record<string, number>;
    const hasBounds = maxEvents !== undefined || maxBytes !== undefined;
    return {
      presence: options.presence === true,
      bounds: hasBounds ? { maxEvents: maxEvents ?? 10_000, maxBytes: maxBytes ?? 8 << 20 } : undefined,
    };
  }
}
