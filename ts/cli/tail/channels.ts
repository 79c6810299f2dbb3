/** `--channel`: the channels that `ssekit tail` asks for. */
import { oneLine } from '../output.js';
import { UsageError } from '../usage.js';

/** Adds the channels to the query, as a page would, and leaves the rest of the URL as it is written. */
export function withChannels(url: URL, names: string[] = []): URL {
  if (names.length === 0) return url;
  const asked = names.map((name) => `channel=${encodeURIComponent(checked(name))}`);
  const query = [url.search.slice(1), ...asked].filter((part) => part !== '').join('&');
  return new URL(`?${query}`, url);
}

/** A server would refuse the name as well, but `tail` does not show its reason. */
function checked(name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes >= 1 && bytes <= 256 && !/\p{Cc}/u.test(name)) return name;
  const got = oneLine(JSON.stringify(name), 100);
  throw new UsageError(`--channel: got ${got}, wants 1 to 256 bytes without control characters`);
}
