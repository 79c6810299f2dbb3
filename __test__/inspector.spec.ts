/** The inspector's routes: who may see and do what, and what the lines of a watch say. The page itself: `inspector-page`. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SSEService } from 'ssekit';
import { createInspectorRoute, type InspectorGrant, type InspectorRoute } from 'ssekit/next';
import { handleInspector, handleSSE } from 'ssekit/node';
import { freshHub } from 'ssekit/testing';

import { until } from './support/until';

const sse = SSEService.getInstance();
// Other files in this process have options of their own.
beforeAll(() => freshHub());

const environment = process.env.NODE_ENV;

function inEnvironment(name: string | undefined): void {
  Object.assign(process.env, { NODE_ENV: name });
}

afterEach(() => inEnvironment(environment));

const URL_ = 'http://localhost:3000/inspector';

function get(headers: Record<string, string> = {}, url = URL_): Request {
  return new Request(url, { headers: { host: new URL(url).host, ...headers } });
}

function post(body: unknown, headers: Record<string, string> = {}, url = URL_): Request {
  const all = { host: new URL(url).host, 'content-type': 'application/json', ...headers };
  return new Request(url, {
    method: 'POST',
    headers: all,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const granting = (grant: InspectorGrant): InspectorRoute => createInspectorRoute({ authorize: () => grant });

interface Entry extends Record<string, unknown> {
  type: string;
  at: number;
}

interface Row {
  id: string;
  transport: string;
  notHandedOff?: string;
}

interface Line {
  hello?: { rights: Record<string, boolean> };
  tick?: { feed: Entry[]; clients?: { changed: Row[] } };
}

/** Reads the lines of a watch. */
class Lines {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest = '';

  constructor(response: Response) {
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'application/x-ndjson; charset=utf-8',
    ]);
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  async next(): Promise<Line | undefined> {
    while (!this.#rest.includes('\n')) {
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#rest += new TextDecoder().decode(value);
    }
    const end = this.#rest.indexOf('\n');
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return JSON.parse(line);
  }

  /** The next entry of the feed with this type. */
  async entry(type: string): Promise<Entry> {
    for (let line = await this.next(); line; line = await this.next()) {
      const found = line.tick?.feed.find((entry) => entry.type === type);
      if (found) return found;
    }
    throw new Error(`the watch ended before ${type}`);
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

async function watching(route: InspectorRoute, find?: string): Promise<Lines> {
  return new Lines(await route.POST(post({ watch: find === undefined ? {} : { find } })));
}

describe('without authorize', () => {
  const route = createInspectorRoute();

  test.each([undefined, 'production', 'test', ''])('nobody is let in where NODE_ENV is %p', async (name) => {
    inEnvironment(name);
    for (const answer of [await route.GET(get()), await route.POST(post({ watch: {} }))]) {
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([404, 'no-store']);
    }
  });

  test.each(['localhost:3000', 'app.localhost', '127.0.0.1:3000', '192.168.1.7', '[::1]:3000'])(
    'everything is allowed in development at %s',
    async (host) => {
      inEnvironment('development');
      expect((await route.GET(get({}, `http://${host}/inspector`))).status).toBe(200);
      const lines = new Lines(await route.POST(post({ watch: {} }, {}, `http://${host}/inspector`)));
      expect((await lines.next())?.hello?.rights).toEqual({ data: true, send: true, disconnect: true });
      await lines.leave();
    },
  );

  test('another name for this machine is refused in development: it may be another site that points here', async () => {
    inEnvironment('development');
    const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example']) {
      expect((await route.GET(get({}, `http://${host}/inspector`))).status).toBe(403);
      expect((await route.POST(post({ watch: {} }, {}, `http://${host}/inspector`))).status).toBe(403);
    }
    expect(written.mock.calls.join('')).toContain('without `authorize`');
    written.mockRestore();
  });
});

describe('authorize', () => {
  test.each([false, null, undefined, 0 as never, '' as never])('%p is 404', async (grant) => {
    expect((await granting(grant).GET(get())).status).toBe(404);
    expect((await granting(grant).POST(post({ watch: {} }))).status).toBe(404);
  });

  test('is asked for each request, and works in production', async () => {
    inEnvironment('production');
    const asked: string[] = [];
    const route = createInspectorRoute({
      async authorize(request) {
        asked.push(`${request.method} ${request.headers.get('cookie')}`);
        return true;
      },
    });
    expect((await route.GET(get({ cookie: 'a=1' }))).status).toBe(200);
    await (await watching(route)).leave();
    expect(asked).toEqual(['GET a=1', 'POST null']);
  });

  test('its own answer goes out, and what it throws is not swallowed', async () => {
    const answer = new Response('log in', { status: 302, headers: { location: '/log-in' } });
    expect(await granting(answer).GET(get())).toBe(answer);
    const failing = createInspectorRoute({ authorize: () => Promise.reject(new Error('no session store')) });
    await expect(failing.GET(get())).rejects.toThrow('no session store');
  });

  test('options that cannot be used are named', () => {
    expect(() => createInspectorRoute(null as never)).toThrow('options: got null, wants an object { authorize? }');
    expect(() => createInspectorRoute({ authorize: true as never })).toThrow(
      'options.authorize: got true, wants a function',
    );
  });
});

test('the page is one document with a policy that allows nothing of others', async () => {
  const answer = await granting(true).GET(get());
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(
    /^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; connect-src 'self';/,
  );
  expect(policy).not.toContain('unsafe');
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const text = await answer.text();
  expect(text).toMatch(/^<!doctype html>/);
  expect(text).not.toMatch(/(?:src|href)="(?!data:|#)/);
});

describe('a request of the page', () => {
  const route = granting({ data: true, send: true, disconnect: true });

  test.each([
    [{ origin: 'https://evil.example' }, 403, 'Origin'],
    [{ origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' }, 403, 'Origin'],
    [{ 'content-type': 'text/plain' }, 415, 'Content-Type'],
  ])('%j is refused with %i', async (headers, status, names) => {
    const answer = await route.POST(post({ disconnect: { user: 'ada' } }, headers));
    expect(answer.status).toBe(status);
    expect((await answer.json()).error).toContain(`${names}: got`);
  });

  test.each(['', '{', '[]', '{"watch":1}', '{"delete":{}}', '{"send":{"to":{}}}'])('%p is 400', async (body) => {
    const answer = await route.POST(post(body));
    expect(answer.status).toBe(400);
    expect((await answer.json()).error).toContain('wants');
  });

  test('a body that is too large is 413', async () => {
    const answer = await route.POST(post(JSON.stringify({ watch: { find: 'x'.repeat(1_048_576) } })));
    expect(answer.status).toBe(413);
  });

  test('it sends and disconnects, if it may', async () => {
    const client = sse.connect(new Request('http://localhost/api/sse?clientId=tab'), { userId: 'ada' });
    const send = { send: { to: { user: 'ada' }, event: 'hello', data: { n: 1 } } };
    expect(await (await route.POST(post(send))).json()).toEqual({ receivers: 1 });
    expect((await granting(true).POST(post(send))).status).toBe(403);
    const end = { disconnect: { client: 'tab' } };
    expect((await granting({ data: true, send: true }).POST(post(end))).status).toBe(403);
    expect(await (await route.POST(post(end))).json()).toEqual({ disconnected: 1 });
    expect(sse.getActiveClients()).not.toContain('tab');
    expect(await client.text()).toContain('event: hello\ndata: {"n":1}\n');
  });
});

describe('a watch', () => {
  test('shows events and clients, and ends with its reader', async () => {
    const lines = await watching(granting({ data: true }), 'ADA');
    await lines.next();
    const client = sse.connect(new Request('http://localhost/api/sse?clientId=seen'), {
      userId: 'ada',
      data: { tab: 1 },
    });
    expect(await lines.entry('connect')).toMatchObject({ client: 'seen', user: 'ada' });
    sse.sendToUser('bob', { event: 'other', data: 1 });
    sse.sendToUser('ada', { event: 'order', data: { n: 1 } });
    const seen = await lines.entry('event');
    expect(seen).toMatchObject({ to: { user: 'ada' }, event: 'order', data: '{"n":1}', receivers: 1 });
    expect(Math.abs(Date.now() - seen.at)).toBeLessThan(60_000);
    const row = await until('the row of the client', async () => {
      const line = await lines.next();
      return line?.tick?.clients?.changed.find(({ id }) => id === 'seen');
    });
    expect(row).toMatchObject({ user: 'ada', data: { tab: 1 }, channels: [] });
    await client.body?.cancel();
    expect(await lines.entry('disconnect')).toMatchObject({ client: 'seen', reason: 'peer' });
    await lines.leave();
  });

  test('hides data without the right to see it', async () => {
    const lines = await watching(granting(true));
    await lines.next();
    sse.broadcast({ event: 'secret', data: 'nobody shall see it' });
    expect(await lines.entry('event')).toMatchObject({ event: 'secret', data: null, to: { all: true } });
    await lines.leave();
  });

  test('the ninth is told to come later, and a watch that has ended makes room', async () => {
    const route = granting(true);
    const open = await Promise.all(Array.from({ length: 8 }, () => watching(route)));
    const ninth = await route.POST(post({ watch: {} }));
    expect(ninth.status).toBe(429);
    expect(Number(ninth.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const lines of open) await lines.leave();
    await (await watching(route)).leave();
  });
});

describe('handleInspector', () => {
  let server: Server;
  let url: string;
  let grant: Parameters<typeof handleInspector>[2];

  beforeAll(async () => {
    server = createServer((req, res) => {
      if (req.url === '/events') handleSSE(req, res, { userId: 'ada' });
      else void handleInspector(req, res, grant);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = (body: unknown): Promise<Response> =>
    fetch(`${url}/inspector`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  test('answers as the route does', async () => {
    grant = {};
    expect((await fetch(`${url}/inspector`)).status).toBe(404);
    grant = { authorize: async (req) => req.url === '/inspector' && { data: true, send: true } };
    const page = await fetch(`${url}/inspector`);
    expect([page.status, page.headers.get('x-content-type-options')]).toEqual([200, 'nosniff']);
    expect((await fetch(`${url}/inspector`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${url}/inspector`, { method: 'DELETE' })).status).toBe(405);
    expect((await ask({ disconnect: { user: 'ada' } })).status).toBe(403);
    expect((await ask('x'.repeat(1_100_000))).status).toBe(413);
  });

  test('a watch ends when its page leaves, and shows why a stream stays with Node', async () => {
    grant = { authorize: () => ({ data: true }) };
    const lines = new Lines(await ask({ watch: { find: 'ada' } }));
    expect((await lines.next())?.hello?.rights).toEqual({ data: true, send: false, disconnect: false });
    const leave = new AbortController();
    await fetch(`${url}/events`, { signal: leave.signal });
    const row = await until('a row with a transport', async () => {
      const line = await lines.next();
      return line?.tick?.clients?.changed.find(({ transport }) => transport !== 'opening');
    });
    expect(row).toMatchObject({ user: 'ada', transport: 'handoff' });
    expect(row.notHandedOff).toBeUndefined();
    leave.abort();
    await lines.leave();
    // All eight places are free again once the server has noticed.
    await until('room for eight', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask({ watch: {} })));
      for (const { body } of answers) await body?.cancel();
      return answers.every(({ status }) => status === 200);
    });
  });
});
