/** The messages between a tab and the worker. Both have the same version, because the worker's URL contains it. */

/** From a tab. */
export type Told =
  /** First: the tab wants a stream of this URL. `lock`: held for as long as the tab lives, if the browser has locks. */
  | { type: 'open'; url: string; init: Opening; lock: string | undefined }
  /** The server has given the tab's stream to the carrier with this key. */
  | { type: 'joined'; key: string }
  /** The server has answered with a stream instead. The worker answers with `end`. */
  | { type: 'alone' }
  /** Acknowledges this number of bytes. */
  | { type: 'seen'; bytes: number }
  /** The tab wants no more. */
  | { type: 'leave' };

/** The credentials with which a tab opens its stream. */
export interface Opening {
  headers: Record<string, string>;
  credentials: RequestCredentials | undefined;
}

/** From the worker. */
export type Heard =
  /** First: the worker lives. `lock`: held for as long as the worker lives, if the browser has locks. */
  | { type: 'hello'; lock: string | undefined }
  /** The tab asks for its stream under this number, at one of these carriers. Without any, it opens its own stream. */
  | { type: 'carriers'; number: number; keys: string[] }
  /** The tab answers at once, with an acknowledgement of no bytes. */
  | { type: 'ping' }
  /** The next bytes of the tab's stream. */
  | { type: 'bytes'; bytes: Uint8Array<ArrayBuffer> }
  /** The stream has ended, or the tab has its own. */
  | { type: 'end' };

/** The header of all requests and answers about sharing, and the version of its text. */
export const CARRIER = 'ssekit-carrier';
export const VERSION = 'v1';
