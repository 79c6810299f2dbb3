/**
 * Throw-away copies of the example app, and the Next.js servers that run in them. A copy has the package as it is built now,
 * and a few additions that only tests need.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { SSEService, SSEStats } from '../../index';
import { DOCUMENTED_APP } from './documented-app';
import { freePort } from './free-port';
import { until } from './until';

const ROOT = join(__dirname, '..', '..');
const EXAMPLE = join(ROOT, 'examples', 'next-app');
/** Builds are kept here, each under the fingerprint of what it was made from; git-ignored, like all of `.cache`. */
const BUILDS = join(ROOT, '.cache', 'next-app');
const UNFINISHED = '.unfinished';

/** For the hook that makes a copy: it may have to wait for `next build`, on a machine with other things to do. */
export const BUILD_TIMEOUT_MS = 240_000;

/** Files that only the copies have. */
const ADDITIONS: Record<string, string> = {
  ...DOCUMENTED_APP,
  // Calls the service as the app's own code has it.
  'app/api/test/service/route.ts': `
    import { SSEService } from '@/features/sse';
    export async function POST(request: Request) {
      const { method, args } = await request.json();
      const sse = SSEService.getInstance() as unknown as Record<string, (...args: unknown[]) => unknown>;
      return Response.json({ result: (await sse[method]!(...args)) ?? null });
    }`,
  // A stream for which the app has to look up, at length, who asks: for as long as nobody posts.
  'app/api/test/lookup/route.ts': `
    import { createSSERoute } from 'ssekit/next';
    const shared = globalThis as { testLookups?: (() => void)[] };
    const lookups = (shared.testLookups ??= []);
    export const { GET } = createSSERoute({
      identify: () => new Promise((resolve) => lookups.push(() => resolve('ada'))),
    });
    export function POST() {
      const ended = lookups.splice(0);
      for (const end of ended) end();
      return Response.json({ ended: ended.length });
    }`,
  // A page comes back by its ticket. A POST returns how often the app was asked.
  'app/api/test/resume/route.ts': `
    import { createSSERoute } from 'ssekit/next';
    let asked = 0;
    const route = createSSERoute({
      identify(request) {
        asked += 1;
        const userId = /user=(\\w+)/.exec(request.headers.get('cookie') ?? '')?.[1];
        return userId && { userId, data: { name: userId }, headers: { 'set-cookie': 'seen=1' } };
      },
      authorize: (channel) => channel.startsWith('order:'),
      resume: { ttl: 3_600, cookies: ['user'] },
    });
    export const { GET } = route;
    export function POST() {
      return Response.json({ asked });
    }`,
  // Streams that callbacks connect, in the context of the code that releases them; and obstacles in their way.
  'app/api/test/pool/route.ts': `
    import { SSEService } from '@/features/sse';
    const shared = globalThis as { testPool?: { waiting: (() => void)[]; seen: string[] } };
    const { waiting, seen } = (shared.testPool ??= { waiting: [], seen: [] });
    export function GET(request: Request) {
      const query = new URL(request.url).searchParams;
      const userId = query.get('user')!;
      return new Promise<Response>((resolve) => {
        const go = () => {
          if (query.has('watch')) request.signal.addEventListener('abort', () => seen.push(userId + ' aborted'));
          const onClose = () => seen.push(userId + ' closed');
          const response = SSEService.getInstance().connect(request, { userId, onClose });
          if (!query.has('mask')) return resolve(response);
          let first = true;
          const mask = new TransformStream<Uint8Array, Uint8Array>({
            transform(chunk, controller) {
              const text = new TextDecoder().decode(chunk);
              controller.enqueue(first ? chunk : new TextEncoder().encode(text.replaceAll('secret', 'masked')));
              first = false;
            },
          });
          resolve(new Response(response.body!.pipeThrough(mask), response));
        };
        if (query.get('at') === 'pooled') return waiting.push(go);
        for (const release of waiting.splice(0)) release();
        setTimeout(go, query.get('at') === 'releases' ? 20 : 0);
      });
    }
    export function POST() {
      return Response.json({ waiting: waiting.length, seen });
    }`,
  // Renders with a cursor: one page as the documentation says, one without telling Next.js.
  'app/test/cursor/page.tsx': `
    import { cursor } from 'ssekit/next';
    export default async function Page() {
      return <p>cursor={await cursor()};</p>;
    }`,
  'app/test/stale-cursor/page.tsx': `
    import { SSEService } from '@/features/sse';
    export default function Page() {
      return <p>cursor={SSEService.getInstance().cursor()};</p>;
    }`,
  // The client of a page, which the server renders with a cursor.
  'app/api/test/client/route.ts': `
    import { createSSERoute } from 'ssekit/next';
    export const { GET, POST } = createSSERoute({
      identify: () => 'ada',
      authorize: (channel) => channel.startsWith('order:'),
    });`,
  'app/test/client/page.tsx': `
    import { cursor } from 'ssekit/next';
    import { Live } from './live';
    export default async function Page() {
      return <Live since={await cursor()} />;
    }`,
  'app/test/client/live.tsx': `
    'use client';
    import { useEffect, useRef, useState } from 'react';
    import { createClient, type SSEClient } from 'ssekit/client';
    type Events = { notification: { message: string } };
    export function Live({ since }: { since: string }) {
      const client = useRef<SSEClient<Events>>(null);
      const [lines, setLines] = useState<string[]>([]);
      const [state, setState] = useState('');
      useEffect(() => {
        const events = createClient<Events>({ url: '/api/test/client', since });
        client.current = events;
        events.on('notification', ({ message }) => setLines((earlier) => [...earlier, message]));
        events.onStatus(({ state }) => setState(state));
        return events.close;
      }, [since]);
      return (
        <>
          <p>{state}</p>
          <button type="button" onClick={() => client.current?.subscribe('order:9')}>watch</button>
          <ul>{lines.map((line) => <li key={line}>{line}</li>)}</ul>
        </>
      );
    }`,
  // Publishes from where no addon can be loaded.
  'app/api/test/edge/route.ts': `
    import { createPublisher } from 'ssekit/publish';
    export const runtime = 'edge';
    export async function POST(request: Request) {
      const { options, publications } = await request.json();
      const node = typeof (globalThis as { EdgeRuntime?: string }).EdgeRuntime;
      try {
        const receipts = await createPublisher(options).publish(publications);
        return Response.json({ edge: node === 'string', receipts });
      } catch (error) {
        const { name, code, status, message } = error as Error & { code: string; status: number };
        return Response.json({ edge: node === 'string', error: { name, code, status, message } });
      }
    }`,
  // Calls what a test's own script exports, unbundled, in the server's process.
  'app/api/test/script/route.ts': `
    import { createRequire } from 'node:module';
    export async function POST(request: Request) {
      const { script, args } = await request.json();
      const load = createRequire(script);
      return Response.json({ result: (await load(script)(...args)) ?? null });
    }`,
};

/** Lets a test choose the transport of the copy's server by a variable, in the place where an app would. */
function addTransportSwitch(instrumentation: string): string {
  const start = 'SSEService.configure({ ';
  const chosen = "process.env.TEST_TRANSPORT === 'stream' ? 'stream' : 'auto'";
  return instrumentation.replace(start, `${start}transport: ${chosen}, `);
}

type Method = Exclude<keyof SSEService, 'connect' | 'on' | 'off'>;
type Result<M extends Method> = Awaited<ReturnType<SSEService[M]>>;

/** The answer of the app's `/api/demo/state`. */
export interface AppState {
  clients: string[];
  users: Record<string, string[]>;
  stats: SSEStats;
  /** Sockets that Node holds, among them the one that asks. */
  openSockets: number;
}

export interface Answer {
  status: number;
  /** `Set-Cookie`, without its attributes. */
  cookies: string[];
  text: string;
}

const apps = new Set<NextApp>();

/** Call it in `afterAll`: ends every server and removes every copy. */
export async function removeApps(): Promise<void> {
  await Promise.all([...apps].map((app) => app.remove()));
}

/** Chooses the transport of an app's streams. */
function carrierOf(transport: 'auto' | 'stream' | 'listener'): Record<string, string> {
  return transport === 'listener' ? { DEMO_LISTENER: '1' } : { TEST_TRANSPORT: transport };
}

export class NextApp {
  readonly folder = mkdtempSync(join(tmpdir(), 'ssekit-next-app-'));
  readonly #servers = new Set<NextServer>();

  private constructor() {
    apps.add(this);
  }

  /** A copy for `next dev`. */
  static copy(): NextApp {
    const app = new NextApp();
    const own = ['node_modules', '.next', '.data', '.demo'];
    cpSync(EXAMPLE, app.folder, { recursive: true, filter: (path) => !own.includes(relative(EXAMPLE, path)) });
    // Turbopack wants everything under the app's own folder, so node_modules cannot be a symbolic link.
    linkTree(join(EXAMPLE, 'node_modules'), app.#path('node_modules'), ['.bin', '.cache', 'ssekit']);
    copyPackage(app.#path('node_modules', 'ssekit'));
    for (const [path, text] of Object.entries(ADDITIONS)) app.#write(path, text);
    app.edit('instrumentation.ts', addTransportSwitch);
    return app;
  }

  /** A copy for `next start`. The same sources are built once. */
  static async built(): Promise<NextApp> {
    const app = NextApp.copy();
    const kept = join(BUILDS, app.#fingerprint());
    if (!app.#takeBuild(kept)) {
      await app.#build();
      app.#keepBuild(kept);
    }
    return app;
  }

  /** A copy that is built with `output: 'standalone'`. It is not kept: `next start` cannot use it. */
  static async standalone(): Promise<NextApp> {
    const app = NextApp.copy();
    app.edit('next.config.ts', (text) => text.replace('NextConfig = {', "NextConfig = {\n  output: 'standalone',"));
    await app.#build();
    return app;
  }

  /** Changes a source file. */
  edit(path: string, change: (text: string) => string): void {
    const before = readFileSync(this.#path(path), 'utf8');
    const after = change(before);
    if (after === before) throw new Error(`the change to ${path} changed nothing`);
    writeFileSync(this.#path(path), after);
  }

  /** The same for every server of the app, for pages come back to it. */
  readonly #listenerPort = freePort();

  /**
   * Starts a server on a port of the system's choice, unless told otherwise, and waits until it answers. It forgets everything when it
   * ends, unless it `keeps` it in the app's folder as the app does by default.
   */
  async serve(
    mode: 'start' | 'dev',
    options: {
      transport?: 'auto' | 'stream' | 'listener';
      port?: number;
      keeps?: boolean;
      env?: Record<string, string>;
      /** No request has reached ssekit yet. */
      untouched?: boolean;
    } = {},
  ): Promise<NextServer> {
    const { transport = 'auto', port = 0, keeps = false, env = {}, untouched = false } = options;
    const args = [this.#next, mode, '--hostname', '127.0.0.1', '--port', String(port)];
    const variables = {
      ...carrierOf(transport),
      ...(keeps ? {} : { SSEKIT_DATA_DIR: '', DEMO_DIR: `.demo-${this.#servers.size}` }),
      DEMO_LISTENER_PORT: String(await this.#listenerPort),
      ...env,
    };
    const probe = untouched ? '/nothing' : undefined;
    const server = await NextServer.start(args, this.folder, variables, probe);
    this.#servers.add(server);
    return server;
  }

  /** Ends all its servers. */
  async stopServers(): Promise<void> {
    await Promise.all([...this.#servers].map((server) => server.stop()));
    this.#servers.clear();
  }

  async remove(): Promise<void> {
    apps.delete(this);
    await this.stopServers();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  get #next(): string {
    return this.#path('node_modules', 'next', 'dist', 'bin', 'next');
  }

  #path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  #write(path: string, text: string): void {
    mkdirSync(dirname(this.#path(path)), { recursive: true });
    writeFileSync(this.#path(path), text);
  }

  async #build(): Promise<void> {
    const child = spawn(process.execPath, [this.#next, 'build'], { cwd: this.folder, env: environment() });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    child.stderr.on('data', (text) => {
      output += text;
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`next build ended with ${code}:\n${output}`);
  }

  /** The fingerprint of all inputs of a build: the app, its packages, and the types of ssekit. The addon is not among them. */
  #fingerprint(): string {
    const installed = this.#path('node_modules', 'ssekit');
    const files = [
      ...filesIn(this.folder, ['node_modules', 'next-env.d.ts']),
      ...filesIn(installed).filter((file) => !file.endsWith('.node')),
      this.#path('node_modules', '.package-lock.json'),
    ];
    const hash = createHash('sha256').update(`${process.version} ${process.platform} ${process.arch}`);
    for (const file of files.sort()) {
      const content = readFileSync(file);
      hash.update(`\n${relative(this.folder, file)} ${content.length}\n`).update(content);
    }
    return hash.digest('hex').slice(0, 24);
  }

  #takeBuild(kept: string): boolean {
    if (!existsSync(kept)) return false;
    try {
      cpSync(kept, this.#path('.next'), { recursive: true, verbatimSymlinks: true });
      return true;
    } catch {
      // Another run has just thrown it away.
      rmSync(this.#path('.next'), { recursive: true, force: true });
      return false;
    }
  }

  #keepBuild(kept: string): void {
    mkdirSync(BUILDS, { recursive: true });
    for (const name of readdirSync(BUILDS).filter((name) => !name.endsWith(UNFINISHED)))
      rmSync(join(BUILDS, name), { recursive: true, force: true });
    const unfinished = `${kept}.${process.pid}${UNFINISHED}`;
    const cache = this.#path('.next', 'cache');
    const filter = (path: string): boolean => path !== cache;
    cpSync(this.#path('.next'), unfinished, { recursive: true, verbatimSymlinks: true, filter });
    try {
      // Whole or not at all: another run may look.
      renameSync(unfinished, kept);
    } catch {
      // It was faster.
      rmSync(unfinished, { recursive: true, force: true });
    }
  }
}

/** Copies what is loaded of the npm package, as it is built now. */
export function copyPackage(to: string): void {
  const addons = readdirSync(ROOT).filter((name) => name.endsWith('.node'));
  if (addons.length === 0 || !existsSync(join(ROOT, 'dist'))) throw new Error('ssekit is not built: npm run build');
  for (const name of ['package.json', 'index.js', 'index.d.ts', 'binding.js', 'binding.d.ts', 'dist', ...addons]) {
    cpSync(join(ROOT, name), join(to, name), { recursive: true });
  }
}

/** A second name for each file: nothing is copied, and nobody writes into `node_modules`. */
function linkTree(from: string, to: string, except: string[] = []): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (except.includes(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isFile()) link(source, target);
  }
}

function link(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    // Another file system, most likely.
    copyFileSync(source, target);
  }
}

function filesIn(folder: string, except: string[] = []): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (except.includes(entry.name)) return [];
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

/** Variables that jest sets for tests must not reach a server. Where its history is, the app or the test says. */
function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { NODE_ENV: _, JEST_WORKER_ID: __, SSEKIT_DATA_DIR: ___, ...env } = process.env;
  return {
    ...env,
    NEXT_TELEMETRY_DISABLED: '1',
    NO_COLOR: '1',
    // One for all, so that a log-in outlasts a restart.
    DEMO_SESSION_SECRET: 'of these tests',
    ...more,
  } as NodeJS.ProcessEnv;
}

/** Output of a server that reports no fault. */
const USUAL_LINES = [
  // For each client that is refused, in development.
  /^ssekit: (refused|no stream for) /,
  /^\s*$/,
  /^- Network:/,
  /Running next\.config(\.ts)? took/,
  /Ready in/,
  // `next dev` tells of each request, and of what it compiles for it.
  /^ (GET|HEAD|POST) \S+ \d{3} in /,
  /^ ?[○✓] Compil(ing|ed) /,
  // From a busy machine.
  /Slow filesystem detected/,
  /^See more: https:\/\/nextjs\.org\/docs\/app\/guides\/local-development$/,
];

/** Starts Next.js, passes its exit code on, and ends its process group when the process at the other end of stdin is gone. */
const GUARD = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, process.argv.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
  child.on('exit', (code) => process.exit(code ?? 1));
  process.on('SIGTERM', () => {});
  process.stdin.resume().on('close', () => process.kill(-process.pid, 'SIGKILL'));
`;

export class NextServer {
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  #output = '';
  #port = 0;

  private constructor(args: string[], cwd: string, env: Record<string, string>) {
    const options = { cwd, env: environment(env), detached: true };
    const child = spawn(process.execPath, ['-e', GUARD, '--', ...args], { ...options, stdio: 'pipe' });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
      });
    }
    this.#closed = new Promise((resolve) => child.once('close', resolve));
    this.#child = child;
  }

  static async start(
    args: string[],
    cwd: string,
    env: Record<string, string>,
    probe = '/api/demo/state',
  ): Promise<NextServer> {
    const server = new NextServer(args, cwd, env);
    try {
      server.#port = await until('the address', () => server.#announcedPort());
      await until('an answer', () =>
        server.request('GET', probe).then(
          () => true,
          () => false,
        ),
      );
      return server;
    } catch (error) {
      await server.stop();
      throw new Error(`Next.js did not start:\n${server.#output}`, { cause: error });
    }
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Lines on stdout and stderr that Next.js does not write when all is well. */
  get complaints(): string[] {
    const [, afterStart = ''] = this.#output.split(/^- Local:.*\n/m);
    return afterStart.split('\n').filter((line) => !USUAL_LINES.some((usual) => usual.test(line)));
  }

  async state(): Promise<AppState> {
    return JSON.parse((await this.request('GET', '/api/demo/state')).text);
  }

  /** Calls a method of the app's service. */
  async call<M extends Method>(method: M, ...args: Parameters<SSEService[M]>): Promise<Result<M>> {
    return (await this.post('/api/test/service', { method, args })).result as Result<M>;
  }

  /** Calls what a script exports, in the server's process. */
  async run(script: string, ...args: unknown[]): Promise<unknown> {
    return (await this.post('/api/test/script', { script, args })).result;
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Record<string, unknown>> {
    const answer = await this.request('POST', path, JSON.stringify(body), headers);
    if (answer.status >= 300) throw new Error(`${path} answered ${answer.status}: ${answer.text}`);
    return JSON.parse(answer.text);
  }

  /** Logs in, and returns the request that opens the user's stream. */
  async streamOf(userId: string): Promise<{ path: string; headers: { cookie: string } }> {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const { cookies } = await this.request('POST', '/api/login', `user=${userId}`, form);
    const cookie = cookies.find((cookie) => cookie.startsWith('demo_user='));
    if (!cookie) throw new Error(`${userId} could not log in`);
    return { path: '/api/sse', headers: { cookie } };
  }

  /** One request on its own connection, so that no idle one is among the sockets that Node holds. */
  request(method: string, path: string, body = '', headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const at = { host: '127.0.0.1', port: this.#port, method, path, headers, agent: false as const };
      const request = httpRequest(at, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        response.once('error', reject).once('end', () => {
          const cookies = (response.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';', 1)[0] as string);
          resolve({ status: response.statusCode ?? 0, cookies, text });
        });
      });
      request.once('error', reject).end(body);
    });
  }

  /** Asks it to end as a process manager does, and returns its exit code. */
  async terminate(): Promise<number | null> {
    this.#signal('SIGTERM');
    return this.#closed;
  }

  /** Ends it and all that it started, and waits until they have. */
  async stop(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#closed;
  }

  #announcedPort(): number {
    if (this.#child.exitCode !== null) throw new Error(`ended with ${this.#child.exitCode}`);
    return Number(/Local:\s+http:\/\/127\.0\.0\.1:(\d+)/.exec(this.#output)?.[1]);
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (this.#child.pid) process.kill(-this.#child.pid, signal);
    } catch {
      // All of it has ended.
    }
  }
}
