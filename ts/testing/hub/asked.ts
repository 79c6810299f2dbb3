/** Checks the request of a client, as far as it depends on bytes and options. */
import type { Asked } from '../../../binding.js';
import { grouped } from '../../server/errors.js';
import { checkChannelName, checkHeaderText, checkJSON, checkLength } from './checks.js';
import { outOfBounds } from './errors.js';
import type { Settings } from './settings.js';

/** The most bytes of a client's data. */
const MOST_DATA = 1_024;

export function checkAsked({ userId, clientId, channels = [], data, welcome }: Asked, settings: Settings): void {
  if (userId !== undefined) checkLength('userId', userId);
  if (clientId !== undefined) checkHeaderText('clientId', clientId);
  const most = settings.number('limits.channelsPerClient');
  if (channels.length > most) {
    throw outOfBounds(
      `channels: got ${grouped(channels.length)} channels, wants at most ${grouped(most)} (limits.channelsPerClient)`,
    );
  }
  for (const name of channels) checkChannelName(name);
  checkJSON('data', data, MOST_DATA);
  checkJSON('welcome', welcome, settings.number('maxEventBytes'));
}
