/** `ssekit:ready`, the first event of every stream. */
import type { Client } from './client.js';
import { frameOf } from './frame.js';
import type { Settings } from './settings.js';

/** The value that a page assumes without another one from the server. */
const USUAL_HEARTBEAT_MS = 25_000;

interface Beginning {
  resumed: boolean;
  /** The id of the event. */
  id: string;
  /** The application's own part, as JSON. */
  welcome: string | undefined;
}

export function openingOf({ info, channels }: Client, settings: Settings, { resumed, id, welcome }: Beginning): string {
  const heartbeatMs = settings.number('heartbeatMs');
  const data = JSON.stringify({
    ...(channels.length > 0 ? { channels } : {}),
    clientId: info.id,
    ...(heartbeatMs === USUAL_HEARTBEAT_MS ? {} : { heartbeatMs }),
    resumed,
    userId: info.user ?? null,
  });
  // Not parsed, because JSON from elsewhere may have more digits than a number has here.
  const whole = welcome === undefined ? data : `${data.slice(0, -1)},"welcome":${welcome}}`;
  return frameOf({ name: 'ssekit:ready', data: whole, retry: settings.number('retryMs') }, id, info.key);
}
