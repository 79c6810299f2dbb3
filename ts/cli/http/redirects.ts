/** Follows redirects as `EventSource` does. */
import { type HeaderFields, type OpenResponse, open } from './open.js';

/** So many does the fetch standard allow. */
const MAX_REDIRECTS = 20;

const REDIRECTS = [301, 302, 303, 307, 308];

export interface Redirect {
  status: number;
  from: URL;
  to: URL;
}

export interface Request {
  /** What every browser sends to everybody. */
  standard: HeaderFields;
  /** What the user has given, for the origin of the first URL alone: any of it may be a secret. */
  headers: HeaderFields;
  signal: AbortSignal;
}

export interface Arrival {
  url: URL;
  /** What may be sent there. */
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
