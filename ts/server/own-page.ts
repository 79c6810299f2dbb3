/** Tells pages of this app from those of other sites, whose requests bring the visitor's cookies as well. */
import { argumentError } from './errors.js';

/** The parts of a request that tell, of a web `Request` or of Node's own. */
interface Asked {
  headers: Pick<Headers, 'get'>;
  url: string | undefined;
}

/** Checks a list of origins. Each must be as a browser writes it, because they are compared as texts. */
export function checkOrigins(argument: string, origins: unknown): readonly string[] {
  if (origins === undefined) return [];
  if (!Array.isArray(origins)) throw argumentError(argument, origins, 'an array of origins');
  for (const origin of origins) {
    if (!isOrigin(origin)) throw argumentError(argument, origin, 'an origin such as `https://app.example.com`');
  }
  return [...origins];
}

/**
 * Whether a request comes from a page of the app, or from a program that is no browser. Every browser sends `Origin` with a `POST`.
 * Newer ones also say by `Sec-Fetch-Site` what they know about the page, and no page can change that.
 */
export function isFromOwnPage({ headers, url }: Asked, allowed: readonly string[]): boolean {
  const [site, origin] = [headers.get('sec-fetch-site'), headers.get('origin')];
  if (origin !== null && allowed.includes(origin)) return true;
  if (site !== null && site !== 'same-origin') return false;
  return origin === null || isHost(origin, headers.get('host') ?? parsed(url)?.host);
}

function isHost(origin: string, host: string | undefined): boolean {
  const page = parsed(origin);
  // Without the default port, which `Host` may name.
  return page !== undefined && isOrigin(origin) && parsed(`${page.protocol}//${host}`)?.host === page.host;
}

function isOrigin(text: unknown): text is string {
  return typeof text === 'string' && /^https?:/.test(text) && parsed(text)?.origin === text;
}

function parsed(url: string | undefined): URL | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
}
