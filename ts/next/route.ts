/** The event stream as a Next.js route handler. */
import type { ConnectOptions, UserId } from '../../index';
import { native } from '../server/binding.js';
import { caughtUp } from '../server/catch-up.js';
import { connect } from '../server/connect.js';
import { watchRequests } from '../server/request-context.js';
import { identified } from './identified.js';

watchRequests();

/** The result of `identify`: who asks for the stream. */
export type Identity =
  /** This user. */
  | UserId
  /** An unknown visitor. The request gets 401 and no stream. */
  | null
  | undefined
  /**
   * This user, with more options. With `anonymous: true` and no `userId`, it is an anonymous client, which gets broadcasts. Any other
   * value without a user gets 401.
   */
  | ConnectOptions
  /** Your own answer instead of a stream. */
  | Response;

export interface SSERouteOptions {
  /** Returns whose stream a request opens, from its cookies or headers. If it throws, Next.js answers with 500. */
  identify(request: Request): Identity | Promise<Identity>;
}

/** Makes a route handler for `app/…/route.ts`: `export const { GET } = createSSERoute({ identify })`. */
export function createSSERoute(options: SSERouteOptions): { GET: (request: Request) => Promise<Response> } {
  return {
    async GET(request) {
      // This comes first: a session may end while the request waits, so we must look it up afterwards.
      await caughtUp(request);
      // A user who is logged out from now on, while `identify` looks the session up, stays out.
      const mark = native().logOutMark();
      const client = await identified<ConnectOptions>(request, await options.identify(request));
      if (client instanceof Response) return client;
      return connect(request, client, mark);
    },
  };
}
