/** Follows redirects as `EventSource` does. */
import { type HeaderFields, type OpenOptions, type OpenResponse, open } from './open.js';

/** So many does the fetch standard allow. */
const MAX_REDIRECTS = 20;

const REDIRECTS = [301, 302, 303, 307, 308];

/** What a user has given for one origin must not reach another. */
const PRIVATE = ['cookie', 'authorization', 'proxy-authorization'];

export interface Redirect {
  status: number;
  from: URL;
  to: URL;
}

export interface Arrival {
  url: URL;
  redirects: Redirect[];
  response: OpenResponse;
}

export async function openFollowing(url: URL, options: OpenOptions): Promise<Arrival> {
  const redirects: Redirect[] = [];
  let { headers } = options;
  for (let current = url; ; ) {
    const response = await open(current, { ...options, headers });
    const to = target(current, response);
    if (!to || redirects.length === MAX_REDIRECTS) return { url: current, redirects, response };
    response.close();
    redirects.push({ status: response.status, from: current, to });
    if (to.origin !== current.origin) headers = withoutPrivate(headers);
    current = to;
  }
}

function target(from: URL, response: OpenResponse): URL | undefined {
  const { location } = response.headers;
  if (!REDIRECTS.includes(response.status) || !location || !URL.canParse(location, from)) return undefined;
  const to = new URL(location, from);
  return ['http:', 'https:'].includes(to.protocol) ? to : undefined;
}

function withoutPrivate(headers: HeaderFields): HeaderFields {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !PRIVATE.includes(name.toLowerCase())));
}
