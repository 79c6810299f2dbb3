/** Follows redirects as `EventSource` does. */
import { type HeaderFields, type OpenResponse, open } from './open.js';

/** The limit of the fetch standard. */
const MAX_REDIRECTS = 20;

const REDIRECTS = [301, 302, 303, 307, 308];

export interface Redirect {
  status: number;
  from: URL;
  to: URL;
}

export interface Request {
  /** The headers that every browser sends to every server. */
  standard: HeaderFields;
  /**
   * The headers that the user has given. They go only to the origin of the first URL, because any of them may be a secret.
   */
  headers: HeaderFields;
  signal: AbortSignal;
}

export interface Arrival {
  url: URL;
  /** The headers that may be sent there. */
  headers: HeaderFields;
  redirects: Redirect[];
  response: OpenResponse;
}

export async function openFollowing(url: URL, { standard, headers: own, signal }: Request): Promise<Arrival> {
  const redirects: Redirect[] = [];
  let headers = { ...standard, ...own };
  for (let current = url; ; ) {
    const response = await open(current, { headers, signal });
    const to = target(current, response);
    if (!to || redirects.length === MAX_REDIRECTS) return { url: current, headers, redirects, response };
    response.close();
    redirects.push({ status: response.status, from: current, to });
    if (to.origin !== current.origin) headers = standard;
    current = to;
  }
}

function target(from: URL, response: OpenResponse): URL | undefined {
  const { location } = response.headers;
  if (!REDIRECTS.includes(response.status) || !location || !URL.canParse(location, from)) return undefined;
  const to = new URL(location, from);
  return ['http:', 'https:'].includes(to.protocol) ? to : undefined;
}
