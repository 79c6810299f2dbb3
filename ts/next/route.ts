/** The event stream as a Next.js route handler. */
import type { ConnectOptions, UserId } from '../../index';
import { native } from '../server/binding.js';
import { caughtUp } from '../server/catch-up.js';
import { connect } from '../server/connect.js';
import { watchRequests } from '../server/pairs.js';
import { identified } from './identified.js';

watchRequests();

/** Who asks for the stream. */
export type Identity =
  /** This user. */
  | UserId
  /** Nobody we know: answered with 401, and no stream. */
  | null
  | undefined
  /**
   * This user and more. With `anonymous: true` and without a `userId` it is a client of nobody's, which gets broadcasts. Anything
   * else that names no user is answered with 401.
   */
  | ConnectOptions
  /** An answer of your own instead of a stream. */
  | Response;

export interface SSERouteOptions {
  /** Tells whose stream a request opens, from its cookies or headers. What it throws, Next.js answers with 500. */
  identify(request: Request): Identity | Promise<Identity>;
}

/** A route handler for `app/…/route.ts`: `export const { GET } = createSSERoute({ identify })`. */
export function createSSERoute(options: SSERouteOptions): { GET: (request: Request) => Promise<Response> } {
  return {
    async GET(request) {
      // First: a session may end while the request waits, so nobody is asked for it before.
      await caughtUp(request);
      // And who is logged out from here on, while `identify` looks the session up, stays out.
      const mark = native().logOutMark();
      const client = await identified<ConnectOptions>(request, await options.identify(request));
      if (client instanceof Response) return client;
      return connect(request, client, mark);
    },
  };
}
