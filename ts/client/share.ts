/**
 * One connection for all tabs of a browser. It is a file of its own, loaded where streams cost a connection each: over HTTP/1.1, browsers
 * open six for each host, so a seventh tab would wait for ever.
 */
import type { SSEClientError } from './error.js';
import { hold, WORKER_SILENT_MS, whenDead } from './worker/alive.js';
import { CARRIER, type Heard, type Told, VERSION } from './worker/messages.js';
import { WORKER_VERSION } from './worker-version.js';

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Timeout of the worker's first message. */
const LOADING_MS = 5_000;

/** No server has asked for a delay, and another worker can be there at once. The client adds up to a second, to spread clients. */
const AT_ONCE_MS = -800;

/** Whether the worker has failed. Trying again would only show the same error in the console. */
let isBroken = false;

/**
 * Returns a `fetch` whose bodies may come over the connection that the tabs share. `route`: the URL, without what one tab asks for.
 * `ErrorClass`: this file has no class that the client would know.
 */
export function share(fetch: Fetch, route: string, ErrorClass: typeof SSEClientError): Fetch {
  return async (url, init) => {
    const link = isBroken || !costsConnection(route) ? undefined : await connect(route, init, ErrorClass);
    return link ? join(link, fetch, url, init) : fetch(url, init);
  };
}

/** Asks for the stream, with the tab's own credentials. The server decides whether the carrier may have it. */
async function join(
  { number, keys, body, tell }: Link,
  fetch: Fetch,
  url: string,
  init: RequestInit,
): Promise<Response> {
  const headers = {
    ...(init.headers as Record<string, string>),
    [CARRIER]: `${VERSION} join ${number} ${keys.join(' ')}`,
  };
  try {
    const answer = await fetch(url, { ...init, headers });
    const key = answer.status === 202 ? answer.headers.get(CARRIER) : null;
    if (key) {
      tell({ type: 'joined', key });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    }
    tell({ type: answer.status === 200 ? 'alone' : 'leave' });
    return answer;
  } catch (cause) {
    tell({ type: 'leave' });
    throw cause;
  }
}

/** Whether streams come over HTTP/1. That shows in the last request for this route, or else in the request for the page. */
function costsConnection(route: string): boolean {
  if (!globalThis.SharedWorker || new URL(route).origin !== location.origin) return false;
  const [path] = route.split('?') as [string];
  const isOurs = ({ name }: PerformanceEntry): boolean =>
    name.split('?')[0] === path && !name.includes('ssekit-worker');
  const ours = performance.getEntriesByType('resource').filter(isOurs);
  const entries = [...performance.getEntriesByType('navigation'), ...ours] as PerformanceResourceTiming[];
  const protocols = entries.map(({ nextHopProtocol }) => nextHopProtocol).filter(Boolean);
  return protocols.at(-1)?.startsWith('http/1') ?? false;
}

/** A tab's side of its port. */
interface Link {
  number: number;
  keys: string[];
  body: ReadableStream<Uint8Array>;
  tell(told: Told): void;
}

/** Connects to the worker. Returns undefined if there is none, or it has no carrier. */
async function connect(
  route: string,
  { signal, headers, credentials }: RequestInit,
  ErrorClass: typeof SSEClientError,
): Promise<Link | undefined> {
  const ending = new AbortController();
  const lock = await hold(ending.signal);
  const worker = start(route, credentials);
  return new Promise((resolve) => {
    ending.signal.addEventListener('abort', () => resolve(undefined));
    if (!worker || signal?.aborted) return ending.abort();
    const { port } = worker;
    const tell = (told: Told): void => {
      port.postMessage(told);
      // After `alone`, the worker says `end`. Until then, the lock stays: released now, it could tell the worker first that this tab died.
      if (told.type === 'leave') ending.abort();
    };
    const body = bodyOf(port, tell, ending);
    const timer = setTimeout(() => tell({ type: 'leave' }), LOADING_MS);
    ending.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      port.close();
    });
    worker.onerror = () => {
      isBroken = true;
      ending.abort();
    };
    signal?.addEventListener('abort', () => tell({ type: 'leave' }), { signal: ending.signal });
    let isAlive = (): void => {};
    port.addEventListener('message', ({ data }: MessageEvent<Heard>) => {
      isAlive();
      if (data.type === 'hello') {
        clearTimeout(timer);
        isAlive = whenDead(data.lock, ending.signal, WORKER_SILENT_MS, () => {
          ending.abort(new ErrorClass('unreachable', 'Worker died', { retryAfterMs: AT_ONCE_MS }));
        });
      }
      if (data.type === 'ping') tell({ type: 'seen', bytes: 0 });
      if (data.type !== 'carriers') return;
      if (data.keys.length) resolve({ ...data, body, tell });
      else tell({ type: 'leave' });
    });
    port.start();
    const { 'last-event-id': _, ...own } = headers as Record<string, string>;
    tell({ type: 'open', url: route, init: { headers: own, credentials }, lock });
  });
}

/** Starts the worker of this route and version, or finds it. */
function start(route: string, credentials: RequestCredentials = 'same-origin'): SharedWorker | undefined {
  const script = new URL(route);
  script.searchParams.set('ssekit-worker', WORKER_VERSION);
  try {
    return new SharedWorker(script, { name: 'ssekit', credentials });
  } catch {
    isBroken = true;
    return undefined;
  }
}

/** The bytes from the worker. They end with the tab's stream, and with either side of the port. */
function bodyOf(port: MessagePort, tell: (told: Told) => void, ending: AbortController): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      ending.signal.addEventListener('abort', () => {
        const { reason } = ending.signal;
        if ('retryAfterMs' in reason) controller.error(reason);
        else controller.close();
      });
      port.addEventListener('message', ({ data }: MessageEvent<Heard>) => {
        if (ending.signal.aborted) return;
        if (data.type === 'end') ending.abort();
        if (data.type !== 'bytes') return;
        controller.enqueue(data.bytes);
        tell({ type: 'seen', bytes: data.bytes.length });
      });
    },
  });
}
