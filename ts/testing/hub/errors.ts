/** The errors that native code throws. The conformance suite holds their texts. */
import { type ErrorCode, withCode } from '../../server/error-codes.js';
import { grouped } from '../../server/errors.js';

export function unfit(message: string): TypeError {
  return withCode(new TypeError(message), 'ERR_SSEKIT_ARGUMENT');
}

export function outOfBounds(message: string): RangeError {
  return withCode(new RangeError(message), 'ERR_SSEKIT_RANGE');
}

function refusal(code: ErrorCode, message: string): Error {
  return withCode(new Error(message), code);
}

export const full = (most: number): Error =>
  refusal('ERR_SSEKIT_FULL', `limits.clients: got one more client, wants at most ${grouped(most)}`);

export const userFull = (most: number): Error =>
  refusal(
    'ERR_SSEKIT_USER_FULL',
    `limits.clientsPerUser: got one more client of the user, wants at most ${grouped(most)}`,
  );

export const addressFull = (most: number): Error =>
  refusal(
    'ERR_SSEKIT_ADDRESS_FULL',
    `limits.clientsPerAddress: got one more client from the address, wants at most ${grouped(most)}`,
  );

export const channelsFull = (most: number): RangeError =>
  withCode(
    new RangeError(`channel: got one more channel, wants at most ${grouped(most)} (limits.channelsPerClient)`),
    'ERR_SSEKIT_CHANNELS_FULL',
  );

export const claimed = (): Error =>
  refusal('ERR_SSEKIT_CLAIMED', "clientId: got the id of another user's client, wants another id, or none");

export const draining = (): Error =>
  refusal('ERR_SSEKIT_DRAINING', 'this process is draining, so it accepts no clients and no changes of channels');

export const loggedOut = (): Error =>
  refusal('ERR_SSEKIT_LOGGED_OUT', 'the user was logged out while the client was connecting');

export const unknownClient = (): Error =>
  refusal('ERR_SSEKIT_UNKNOWN_CLIENT', "clientId: got an id that is not the page's, wants the id of its own stream");

export const configured = (option: string): Error =>
  refusal(
    'ERR_SSEKIT_CONFIGURED',
    `options.${option}: an earlier call of SSEService.configure, or the hub that already runs, has another value; ` +
      'wants all options in one call, before the first client or event',
  );

export const evicted = (id: string): Error =>
  refusal(
    'ERR_SSEKIT_EVICTED',
    `options.after: got ${JSON.stringify(id)}, after which events are no longer kept, wants a newer id`,
  );

export const unknownEvent = (id: string): Error =>
  refusal('ERR_SSEKIT_EVICTED', `options.after: got ${JSON.stringify(id)}, wants the id of an event in the history`);

/** An error as native code passes it to a callback. */
export function problemIn(error: unknown): { problem: string; code: string } {
  const { message, code = '' } = error as NodeJS.ErrnoException;
  return { problem: message, code };
}
