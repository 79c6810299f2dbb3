/** Numbers, times and spans for people. */

const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

export function count(value: number): string {
  return NUMBER.format(value);
}

/** At most five characters, such as `12.3K`. */
export function short(value: number): string {
  return value < 10 ? String(Math.round(value * 10) / 10) : SHORT.format(value);
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function bytes(value: number): string {
  const power = value < 1_000 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3));
  const digits = value / 1_000 ** power;
  return `${power && digits < 100 ? digits.toFixed(1) : Math.round(digits)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** The time of day of this machine, with milliseconds. */
export function clock(ms: number): string {
  return isTime(ms) ? CLOCK.format(ms) : '?';
}

/** For `<time datetime>`. */
export function isoTime(ms: number): string {
  return isTime(ms) ? new Date(ms).toISOString() : '';
}

/** A date outside of these bounds cannot be formatted, and would throw. */
function isTime(ms: number): boolean {
  return Math.abs(ms) <= 8.64e15;
}

const UNITS: [ms: number, name: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
];

/** A span in its largest unit, and from an hour on with the next one. */
export function span(ms: number): string {
  const index = UNITS.findIndex(([unit]) => ms >= unit);
  const [unit, name] = UNITS[index] ?? [1_000, 's'];
  const next = UNITS[index + 1];
  const rest = next && index < 2 ? Math.floor((ms % unit) / next[0]) : 0;
  return `${Math.max(0, Math.floor(ms / unit))} ${name}${rest && next ? ` ${rest} ${next[1]}` : ''}`;
}
