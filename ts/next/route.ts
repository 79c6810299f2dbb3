/** The event stream as a Next.js route handler. */
import type { ConnectOptions, ResumeOptions, UserId } from '../../index';
import { native } from '../server/binding.js';
import { caughtUp } from '../server/catch-up.js';
import { connect } from '../server/connect.js';
import { argumentError } from '../server/errors.js';
import { checkOrigins } from '../server/own-page.js';
import { watchContexts } from '../server/request-context.js';
import { checkResume } from '../server/resume/options.js';
import { answerAnyone } from '../server/sharing.js';
import { changeChannels, refuseChange } from './change.js';
import { checkOptions, identified } from './identified.js';
import { withRequestedChannels } from './requested-channels.js';

watchContexts();

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
  /**
   * Returns whose stream a request opens, or changes the channels of, from its cookies or headers. Its `channels` need no `authorize`.
   * If it throws, Next.js answers with 500.
   */
  identify(request: Request): Identity | Promise<Identity>;
  /**
   * Decides whether a page may subscribe to a channel that it asks for: by `?channel=` in the URL of its stream, or by a `POST` to
   * this route. Only `true` grants it. If it throws, ssekit refuses the channel, and the event `error` says why. ssekit calls it once
   * for each channel of a request. Default: no channel is granted.
   *
   * `client.userId` is the user that `identify` returned, as a string; `null` for an anonymous client. `client.clientId` of a
   * `POST` is what the page claims. ssekit checks afterwards that this client is the page's own, and changes nothing otherwise. The
   * body of a `POST` has already been read.
   */
  authorize?(
    channel: string,
    client: { clientId?: string; userId: string | null },
    request: Request,
  ): boolean | Promise<boolean>;
  /**
   * Lets a page that comes back have its stream without a call of `identify`, by a signed cookie. Default: `identify` is called for each
   * request.
   */
  resume?: ResumeOptions;
  /**
   * Other origins whose pages may change the channels of their streams, as a browser writes them: `https://app.example.com`. Also the
   * app's own origin, behind a proxy that changes `Host`. Default: none. Only pages of the same origin may.
   */
  allowedOrigins?: string[];
}

/** The handlers of a route. */
export interface SSERoute {
  /** Opens an event stream. */
  GET: (request: Request) => Promise<Response>;
  /**
   * Changes the channels of an open stream. The body is JSON: `{ clientId, subscribe?, unsubscribe?, lastEventId? }`. `subscribe` has
   * names of channels, or `{ channel, since? }`. The answer is `{ subscribed, unsubscribed, refused }`.
   */
  POST: (request: Request) => Promise<Response>;
}

/** Makes the handlers for `app/…/route.ts`: `export const { GET, POST } = createSSERoute({ identify, authorize })`. */
export function createSSERoute(options: SSERouteOptions): SSERoute {
  checkOptions(options, '{ identify, authorize?, resume?, allowedOrigins? }');
  if (options.authorize !== undefined && typeof options.authorize !== 'function') {
    throw argumentError('options.authorize', options.authorize, 'a function');
  }
  const authorize = options.authorize?.bind(options);
  const resume = checkResume('options.resume', options.resume);
  const origins = checkOrigins('options.allowedOrigins', options.allowedOrigins);
  return {
    async GET(request) {
      const whole = answerAnyone(request.url, request.headers);
      if (whole) return new Response(whole.body, whole);
      // This comes first: a session may end while the request waits, so we must look it up afterwards.
      await caughtUp(request);
      // A user who is logged out from now on, while `identify` looks the session up, stays out.
      const mark = native().logOutMark();
      const ticket = resume && { resume, moment: native().moment() };
      const identity = await identified<ConnectOptions>(request, await options.identify(request));
      if (identity instanceof Response) return identity;
      const client = await withRequestedChannels(request, identity, authorize);
      return client instanceof Response ? client : connect(request, client, { mark, ticket });
    },
    async POST(request) {
      const refusal = refuseChange(request, origins);
      if (refusal) return refusal;
      const client = await identified<ConnectOptions>(request, await options.identify(request));
      return client instanceof Response ? client : changeChannels(request, client, authorize);
    },
  };
}
