/** The inspector as a Next.js route handler. */
import type { InspectorRights } from '../../index';
import { checkAuthorize, inspect } from '../server/inspector.js';
import { ownAnswer } from './identified.js';
import { bodyOf } from './json-body.js';

/** The result of `authorize`. */
export type InspectorGrant =
  /** The page may look. It does not see the data of events. */
  | true
  /** The page may look, and do what is `true` here. */
  | InspectorRights
  /** Nobody is there: the request gets 404. */
  | false
  | null
  | undefined
  /** Your own answer instead of the inspector, such as a redirect to your log-in. */
  | Response;

export interface InspectorRouteOptions {
  /**
   * Returns what a request may see and do, from its cookies or headers. ssekit asks for each request. If it throws, Next.js answers
   * with 500. Default: in development (`NODE_ENV=development`), everything is allowed to requests whose URL has `localhost` or an
   * address; otherwise, every request gets 404.
   */
  authorize?(request: Request): InspectorGrant | Promise<InspectorGrant>;
}

/** The handlers of the inspector's route. */
export interface InspectorRoute {
  /** Answers with the page. */
  GET: (request: Request) => Promise<Response>;
  /** Carries out what the page asks for. */
  POST: (request: Request) => Promise<Response>;
}

/**
 * Makes the handlers for `app/…/route.ts`: `export const { GET, POST } = createInspectorRoute()`. The inspector is a page that shows
 * who is connected, and what is sent to whom while it happens. It can send test events and disconnect clients. See docs/inspector.md.
 */
export function createInspectorRoute(options: InspectorRouteOptions = {}): InspectorRoute {
  const authorize = checkAuthorize(options);
  const handle = async (request: Request): Promise<Response> => {
    const { method, url, headers } = request;
    const granted = authorize ? await authorize(request) : 'development';
    const own = await ownAnswer(granted);
    if (own) return own;
    const asked = { method, url, headers, body: (most: number) => bodyOf(request, most) };
    const { body, ...answer } = await inspect(asked, granted);
    if (method === 'HEAD') return new Response(null, answer);
    return new Response(typeof body === 'string' ? body : body.asStream(), answer);
  };
  return { GET: handle, POST: handle };
}
