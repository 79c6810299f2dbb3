/** The token of the listener. It is kept in memory alone, so a reload asks for it again. */

let token = '';

export function setToken(value: string): void {
  token = value;
}

/** The headers that carry it. */
export function authorization(): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/**
 * Takes the token out of the fragment, so that it stays neither in the address bar nor in the history. Returns whether there was
 * one. A server never sees a fragment.
 */
export function takeTokenFromFragment(): boolean {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return false;
  history.replaceState(null, '', location.pathname + location.search);
  setToken(given);
  return true;
}
