/** What a developer should know and the client must not. */

/** Control characters, with which text from elsewhere could forge lines of a log or drive a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Writes one line to stderr, in development only: in production the client's answer is all there is. */
export function explain(message: string): void {
  if (process.env.NODE_ENV === 'production') return;
  const line = message.replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  process.stderr.write(`ssekit: ${line}\n`);
}
