/**
 * The channels that the page wants. They are kept over reconnects, and asked for again where the server no longer has them. It is a
 * file of its own, loaded by the first change of channels: most pages never make one.
 */
import { backoff } from './backoff.js';
import { type Access, withoutKey } from './request.js';
import { pause } from './timer.js';

export interface Subscriptions {
  subscribe(channel: string, options?: { since?: string | undefined }): void;
  unsubscribe(channel: string): void;
  /** A stream has begun after `since`, as client `id`, and has these channels. */
  begin(id: string, channels: string[] | undefined, since: string | undefined): void;
  /** The stream has ended. */
  end(): void;
}

/** `initial`: the channels in the URL of the stream. `report`: of a fault, says what it means, and what caused it. */
export function createSubscriptions(
  initial: Set<string>,
  access: Access,
  lastEventId: () => string | undefined,
  report: (what: string, cause: unknown) => void,
): Subscriptions {
  /** With the cursor that each begins at. */
  const wanted = new Map<string, string | undefined>([...initial].map((channel) => [channel, undefined]));
  const left = new Set<string>();
  /** The channels of the open stream. */
  let present = initial;
  /** Ends with the stream. */
  let stream = new AbortController();
  let clientId = '';
  let isBusy = false;

  async function flush(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    // Changes that a page makes at once are one request.
    await undefined;
    for (let failures = 0; clientId; ) {
      const { signal } = stream;
      const subscribe = [...wanted].flatMap(([channel, since]) => (present.has(channel) ? [] : { channel, since }));
      const unsubscribe = [...left].filter((channel) => present.has(channel));
      if (!subscribe[0] && !unsubscribe[0]) break;
      try {
        const answer = await request(access, { clientId, subscribe, unsubscribe, lastEventId: lastEventId() }, signal);
        const why = await read(answer, (channel) => signal.aborted || present.add(channel));
        // Another stream may have other channels.
        if (signal.aborted) continue;
        for (const { channel } of subscribe) {
          if (present.has(channel)) continue;
          wanted.delete(channel);
          report(`No subscription to ${channel}`, why);
        }
        for (const channel of unsubscribe) present.delete(channel);
        failures = 0;
      } catch (cause) {
        if (!failures && !signal.aborted) report('Channels unchanged', cause);
        await pause(backoff(failures), signal);
        failures += 1;
      }
    }
    isBusy = false;
  }

  return {
    subscribe(channel, { since } = {}) {
      left.delete(channel);
      wanted.set(channel, since);
      // The server may have taken it away meanwhile. If not, that changes nothing.
      if (!initial.has(channel)) present.delete(channel);
      void flush();
    },
    unsubscribe(channel) {
      wanted.delete(channel);
      left.add(channel);
      void flush();
    },
    begin(id, channels = [], since) {
      // A channel that the stream has lost is asked for from there on, so nothing is missed that was sent to it meanwhile.
      if (since) for (const channel of present) if (wanted.has(channel)) wanted.set(channel, withoutKey(since));
      // Those in the URL were granted, or there would be no stream.
      present = new Set([...channels, ...initial]);
      stream = new AbortController();
      clientId = id;
      void flush();
    },
    end() {
      stream.abort();
      clientId = '';
    },
  };
}

async function request(
  { fetch = globalThis.fetch, url, credentials, keyring }: Access,
  body: object,
  signal: AbortSignal,
): Promise<Response> {
  const { ticket, headers } = await keyring.get();
  // A ticket in a URL ends up in logs. The stream cannot avoid that without a preflight; this request has one anyway.
  const bearer = ticket && { authorization: `Bearer ${ticket}` };
  const own = { 'content-type': 'application/json', ...bearer, ...headers };
  return fetch(url, { method: 'POST', headers: own, credentials, signal, body: JSON.stringify(body) });
}

/** Calls `grant` for what the server has granted, and returns why it was not all. Rejects if it should be asked again. */
async function read(answer: Response, grant: (channel: string) => void): Promise<string> {
  const { status } = answer;
  // A redirect may have made a `GET` of it, whose stream would never end. An answer without JSON is of no use, so it is not read.
  const isJson = /json/.test(answer.headers.get('content-type') ?? '');
  const { subscribed = [], error = '' } = (await (isJson ? answer.json() : answer.body?.cancel())) ?? {};
  for (const channel of subscribed) grant(channel);
  if (status === 200 && isJson) return 'refused';
  if (status > 399 && status < 500 && status !== 404) return `${status} ${error}`;
  throw new Error(`${status} ${error}`);
}
