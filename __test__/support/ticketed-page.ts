/** A page that comes back with a ticket of early resume, and a server that gives it one. */
import type { ConnectOptions, SSEOptions, SSEStats } from '../../index';
import { Evaluator } from './evaluator';
import { RawClient, type RequestOptions } from './raw-client';
import { until } from './until';

const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36';

/** A page that keeps cookies, as a browser does. */
export class Page {
  readonly headers: Record<string, string>;
  path: string;

  constructor(path = '/sse?userId=ada&clientId=tab-1', session = 'ada') {
    this.path = path;
    this.headers = {
      accept: 'text/event-stream',
      cookie: `session=${session}; theme=dark`,
      'user-agent': BROWSER,
    };
  }

  /** Opens the stream, and keeps the ticket and the last id. */
  async open(server: Evaluator, options: RequestOptions = {}): Promise<RawClient> {
    const client = await RawClient.stream(server.port, { path: this.path, headers: this.headers, ...options });
    this.keep(client);
    return client;
  }

  keep(client: RawClient): void {
    const [ticket] = ticketsOf(client);
    if (ticket) {
      const others = this.headers.cookie
        ?.split('; ')
        .filter((cookie) => !cookie.startsWith(`${ticket.split('=')[0]}=`));
      this.headers.cookie = [...(others ?? []), ticket].join('; ');
    }
    this.headers['last-event-id'] = client.events().at(-1)?.id ?? '';
  }
}

/** The cookies of ssekit that an answer sets: names and values. */
export const ticketsOf = (client: RawClient): string[] =>
  [...client.headText.matchAll(/\r\nset-cookie: ((?:__Secure-)?ssekit-[^;\r]+)/gi)].map(([, cookie]) => cookie ?? '');

export const headersOf = (client: RawClient): string[] =>
  client.headerLines.map((line) => line.split(':')[0] ?? '').sort();

/** A server whose `/sse` gives tickets, and counts how often it is asked. */
export async function start(
  options: SSEOptions = {},
  { env, client = {} }: { env?: Record<string, string>; client?: ConnectOptions & { resume?: object } } = {},
): Promise<Evaluator> {
  const server = await Evaluator.start(options, env);
  await server.evaluate(async (given, client) => {
    given.state.asked = 0;
    await given.sse.ready();
    given.clientOf = (query) => {
      given.state.asked += 1;
      const { userId, clientId } = Object.fromEntries(query);
      return { userId, anonymous: true, clientId, resume: { ttl: 600 }, ...client } as ConnectOptions;
    };
  }, client);
  return server;
}

export const asked = (server: Evaluator): Promise<number> => server.evaluate(({ state }) => state.asked as number);
export const stats = (server: Evaluator): Promise<SSEStats> => server.evaluate(({ sse }) => sse.stats());
export const gone = (server: Evaluator): Promise<unknown> =>
  until('all clients to be gone', async () => (await stats(server)).clients === 0);

/** A page comes, comes back, and leaves. Only then a server looks at requests that are unread. */
export async function comeAndGo(server: Evaluator, page: Page): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) {
    (await page.open(server)).destroy();
    await gone(server);
  }
}

/** From now on, notes the connections that the server accepts. */
export const watch = (server: Evaluator): Promise<void> =>
  server.evaluate(({ require, state }) => {
    state.sockets = [];
    const { subscribe } = require('node:diagnostics_channel');
    subscribe('net.server.socket', ({ socket }: { socket: unknown }) => state.sockets.push(socket));
  });

/** How many bytes Node has read of each connection since then. */
export const read = (server: Evaluator): Promise<number[]> =>
  server.evaluate(({ state }) => state.sockets.map(({ bytesRead }: { bytesRead: number }) => bytesRead));
