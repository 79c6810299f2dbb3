/** The event stream as a Next.js route handler. */
import type { ConnectOptions, UserId } from '../../index';
import { caughtUp } from '../server/catch-up.js';
import { SSEService } from '../server/service.js';

/** Who asks for the stream. */
export type Identity =
  /** This user. */
  | UserId
  /** Nobody we know: answered with 401, and no stream. */
  | null
  | undefined
  /** This user and more; without a `userId` an anonymous client, which gets broadcasts. */
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
      const identity = await options.identify(request);
      if (identity === null || identity === undefined) return new Response('Unauthorized\n', { status: 401 });
      if (identity instanceof Response) return identity;
      const client = typeof identity === 'object' ? identity : { userId: identity };
      await caughtUp(request);
      return SSEService.getInstance().connect(request, client);
    },
  };
}
