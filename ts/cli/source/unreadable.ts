/** The text cannot be read with certainty. The message says why, with the file as `it`. */
export class Unreadable extends Error {}

/** Runs a parser that calls itself for each level of nesting: deep nesting is an error of the text, not of the parser. */
export function withinStack<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof RangeError) throw new Unreadable('it is nested too deep');
    throw error;
  }
}
