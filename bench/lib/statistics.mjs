/** Medians and how far apart values lie. */

/** `{ median, least, most, n }` of some numbers; `null` if there are none. */
export function summary(values) {
  const sorted = values.filter((value) => typeof value === 'number').sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return { median, least: sorted[0], most: sorted.at(-1), n: sorted.length };
}
