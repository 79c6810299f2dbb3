/** The documentation tells the truth: its code compiles and runs, its links lead somewhere, its names exist. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(__dirname, '..');
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const GENERATED = 'docs/api.md';
const pages = ['README.md', 'CHANGELOG.md', 'llms.txt', ...docs.map((name) => `docs/${name}`)];
const written = pages.filter((page) => page !== GENERATED);

interface Block {
  page: string;
  line: number;
  language: string;
  /** The name in its first line: `// app/api/sse/route.ts`. */
  file: string | undefined;
  code: string;
}

const read = (path: string) => readFileSync(join(root, path), 'utf8');

function blocksOf(page: string): Block[] {
  const fences = read(page).matchAll(/^( *)```(\w*)\n(.*?)\n\1```$/gms);
  return [...fences].map((fence) => {
    const [, indent = '', language = '', body = ''] = fence;
    const code = body.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    // A directive of jest must come first.
    const file = /^(?:\/\*\* @.*\*\/\n)?\/\/ (\S+\.(?:tsx?|m?js))\n/.exec(code)?.[1];
    return { page, line: fence.input.slice(0, fence.index).split('\n').length, language, file, code };
  });
}

const blocks = written.flatMap(blocksOf);
const isScript = ({ language }: Block) => ['ts', 'tsx', 'js'].includes(language);
const place = ({ page, line }: Block) => `${page}:${line}`;

/** Modules that the snippets import and that are not here, as far as they use them. */
const STUBS = `
declare module 'next' { export interface NextConfig { serverExternalPackages?: string[] } }
declare module 'next/headers' {
  interface Cookies { get(name: string): { value: string } | undefined; delete(name: string): void }
  export function cookies(): Promise<Cookies>;
}
declare module 'next/navigation' {
  export function useRouter(): { refresh(): void };
  export function notFound(): never;
}
declare module 'next-auth' {
  interface Session { user: { id?: string; email?: string | null } }
  interface Config {
    providers: unknown[];
    callbacks?: { session?(given: { session: Session; token: { sub?: string } }): Session };
  }
  type Auth = { handlers: unknown; auth(): Promise<Session | null>; signIn(): Promise<void>; signOut(): Promise<void> };
  export default function NextAuth(config: Config): Auth;
}
declare module 'next-auth/providers/github' { const provider: unknown; export default provider; }
declare module 'next-auth/next' {
  interface Session { user?: { email?: string | null } }
  export function getServerSession(options: { providers: unknown[] }): Promise<Session | null>;
}
declare module '@clerk/nextjs/server' { export function auth(): Promise<{ userId: string | null }>; }
declare module 'iron-session' {
  export function getIronSession<T>(cookies: import('next/headers').Cookies, options: object): Promise<T>;
}
declare module 'jose' {
  interface Verified { payload: { sub?: string; exp?: number } }
  export function jwtVerify(token: string, key: Uint8Array, options: { algorithms: string[] }): Promise<Verified>;
}
declare module 'better-sse' {
  export interface Session { push(data: unknown, name?: string, id?: string): this }
  export interface Channel { register(session: Session): this }
  export function createResponse(request: Request, callback: (session: Session) => void): Response;
}
declare module 'bullmq' {
  interface Options { connection: { url?: string } }
  interface Job { data: { orderId: string; userId: string } }
  export class Queue { constructor(name: string, options: Options); add(name: string, data: unknown): Promise<Job> }
  export class Worker {
    constructor(name: string, process: (job: Job) => Promise<void>, options: Options);
    close(): Promise<void>;
  }
}
declare module '@/auth' { export function auth(): Promise<{ user?: { id?: string } } | null>; }
declare module '@/features/sse' { export { type SSEEventMap, SSEService } from 'ssekit'; }
declare module '@/components/notifications' { export function Notifications(): JSX.Element; }
declare module '@/components/event-stream' {
  export function EventStream(props: { user?: string; children: import('react').ReactNode }): JSX.Element;
}
declare module '@/components/payments' {
  export function Payments(props: { orderId: string; initial: Payment[]; since: string }): JSX.Element;
  type Payment = { id: string; amount: number };
}
declare module '@/app/orders/actions' {
  type Payment = { id: string; amount: number };
  export function latestPayments(orderId: string): Promise<{ data: Payment[]; since: string }>;
}
declare module '@/lib/use-sse' {
  export function useSSE(url: string, name: string, onData: (data: { message: string }) => void): void;
}
declare module '@/lib/auth' {
  interface Api { getSession(given: { headers: Headers }): Promise<{ user: { id: string } } | null> }
  export const auth: { api: Api };
}
declare module '@/lib/auth-options' { export const authOptions: { providers: unknown[] }; }
declare module '@/lib/channel' { export const channel: import('better-sse').Channel; }
declare module '@/lib/clients' { export const clients: Map<string, (event: string, data: unknown) => void>; }
declare module '@/lib/db' {
  type Payment = { id: string; amount: number };
  export const db: {
    addPayment(orderId: string, amount: number): Promise<Payment>;
    paymentsOf(orderId: string): Promise<Payment[]>;
    mayRead(userId: string, orderId: string): Promise<boolean>;
  };
}
declare module '@/app/api/webhooks/payment/route' { export function POST(request: Request): Promise<Response>; }
declare module '@playwright/test' { export type Page = import('playwright-core').Page; }
declare module '@/lib/jobs/process-order' {
  export function processOrder(orderId: string, userId: string): Promise<void>;
}
declare module '@/lib/session' {
  export function mayRead(userId: string, order: string | undefined): Promise<boolean>;
  export function isAdmin(userId: string): Promise<boolean>;
  export interface SessionData { userId?: string }
  export const sessionOptions: { password: string; cookieName: string };
  export function userOf(request: Request): Promise<string | null>;
  export function currentUser(): Promise<string | null>;
}
declare module '@/lib/sessions' {
  export function findSession(token: string): Promise<{ userId: string } | null>;
  export function endSession(token: string | undefined): Promise<string | null>;
}
`;

describe('the code in the documentation', () => {
  test('compiles where it is a whole file', () => {
    const sources = new Map([
      [join(root, 'docs-stubs.d.ts'), STUBS],
      // As the documented tsconfig does.
      [join(root, 'docs-matchers.ts'), "import 'ssekit/testing/jest';"],
    ]);
    const places = new Map<string, string>();
    for (const [index, block] of blocks.entries()) {
      if (!block.file || !/\.tsx?$/.test(block.file)) continue;
      const path = join(root, 'docs-snippets', String(index), block.file);
      sources.set(path, block.code);
      places.set(path, place(block));
    }
    expect(places.size).toBeGreaterThan(20);
    const problems = check(sources).map(({ file, start = 0, messageText }) => {
      const at = file
        ? `${places.get(file.fileName) ?? file.fileName}, ${file.text.slice(start).split('\n', 1)[0]}`
        : '';
      return `${at}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
    expect(problems).toEqual([]);
  });

  test.each(blocks.filter(isScript).map((block) => [place(block), block] as const))('%s is well formed', (_, block) => {
    const fileName = `snippet.${block.language}`;
    const { diagnostics } = ts.transpileModule(block.code, { fileName, reportDiagnostics: true, compilerOptions });
    expect(diagnostics?.map(({ messageText }) => messageText)).toEqual([]);
  });

  test('names its file where it has several statements', () => {
    const unnamed = blocks.filter((block) => isScript(block) && !block.file && /^import /m.test(block.code));
    expect(unnamed.map(place)).toEqual([]);
  });
});

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.esnext.disposable.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  jsx: ts.JsxEmit.ReactJSX,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  esModuleInterop: true,
  types: ['node', 'react', 'jest'],
  paths: {
    ssekit: [join(root, 'index.d.ts')],
    'ssekit/next': [join(root, 'ts/next/index.ts')],
    'ssekit/node': [join(root, 'ts/node/index.ts')],
    'ssekit/publish': [join(root, 'ts/publish/index.ts')],
    'ssekit/client': [join(root, 'ts/client/index.ts')],
    'ssekit/react': [join(root, 'ts/react/index.ts')],
    'ssekit/testing': [join(root, 'ts/testing/index.ts')],
    'ssekit/testing/jest': [join(root, 'ts/testing/jest.ts')],
  },
};

/** Compiles files that are only in memory, as if they lay in the checkout. */
function check(sources: Map<string, string>): readonly ts.Diagnostic[] {
  const host = ts.createCompilerHost(compilerOptions);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.readFile = (path) => sources.get(path) ?? readFile(path);
  host.getSourceFile = (path, version, ...rest) => {
    const source = sources.get(path);
    return source === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, source, version);
  };
  host.getCurrentDirectory = () => root;
  const program = ts.createProgram([...sources.keys()], compilerOptions, host);
  const ours = program.getSourceFiles().filter(({ fileName }) => sources.has(fileName));
  return [
    ...program.getOptionsDiagnostics(),
    ...ours.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ];
}

describe('links in the documentation', () => {
  test.each(pages)('every relative link of %s has a target', (page) => {
    const links = [...read(page).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = links.filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(page, target));
    expect(broken).toEqual([]);
  });

  function leadsSomewhere(page: string, target: string): boolean {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(root, file))) return false;
    return anchor === undefined || anchorsOf(file).includes(anchor);
  }

  /** As GitHub makes them of headings. */
  function anchorsOf(page: string): string[] {
    return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
  }
});

describe('names in the documentation', () => {
  const sourcesIn = (folder: string): string =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|rs)$/.test(name))
      .map((name) => read(join(folder, name)))
      .join('\n');
  const typescript = [read('index.d.ts'), sourcesIn('ts')].join('\n');
  const rust = [
    'src',
    'crates/ssekit-core/src',
    'crates/ssekit-http/src',
    'crates/ssekit-redis/src',
    'crates/ssekit-file/src',
  ]
    .map(sourcesIn)
    .join('\n');
  const spans = (page: string): string[] => {
    const prose = read(page).replaceAll(/^( *)```.*?^\1```$/gms, '');
    return [...prose.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  };

  /** Names of other people's, of Node.js and of the browser's, that pages mention. */
  const FOREIGN = new Set(
    (
      'lastMessage onData addEventListener readyState lastEventId withCredentials findSession clerkMiddleware ' +
      'invalidateQueries queryKey serverExternalPackages cacheComponents nextConfig reactStrictMode keepAliveTimeout createSession ' +
      'createResponse createEventBuffer createChannel eventName eventId lastId isConnected activeSessions sessionCount ' +
      'getConnections maxConnections closeAllConnections requestTimeout keepAlive statusCode randomUUID useUnknownInCatchVariables ' +
      'resetMocks vmThreads toThrow detectOpenHandles'
    ).split(' '),
  );

  test.each(pages)('every option, method and property that %s names exists', (page) => {
    const names = new Set(spans(page).flatMap((span) => span.match(/\b[a-z]+(?:[A-Z][a-z0-9]*)+\b/g) ?? []));
    // Rust writes the bytes on the wire.
    const isKnown = (name: string) => FOREIGN.has(name) || new RegExp(`\\b${name}\\b`).test(`${typescript}\n${rust}`);
    const unknown = [...names].filter((name) => !isKnown(name));
    expect(unknown).toEqual([]);
  });

  test.each(pages)('every member of the service that %s calls exists', (page) => {
    const calls = [...read(page).matchAll(/(?:\bSSEService|getInstance\(\))\.(\w+)/g)].map(([, name = '']) => name);
    const unknown = calls.filter((name) => !new RegExp(`^  (static )?${name}[(<]`, 'm').test(read('index.d.ts')));
    expect(unknown).toEqual([]);
  });

  test.each(pages)('every error code of %s is thrown somewhere', (page) => {
    const codes = new Set(read(page).match(/ERR_SSEKIT_[A-Z_]+/g));
    expect([...codes].filter((code) => !typescript.includes(`'${code}'`) && !rust.includes(`"${code}"`))).toEqual([]);
  });

  test.each(pages)('ssekit sends every event that %s names', (page) => {
    const events = new Set(spans(page).flatMap((span) => span.match(/^ssekit:[a-z]+$/g) ?? []));
    expect([...events].filter((name) => !rust.includes(name))).toEqual([]);
  });
});

describe('programs in the documentation', () => {
  // The runners themselves run tests: see testing-runners.spec.
  const programs = blocks.filter(({ file }) => file?.endsWith('.mjs') && !file.endsWith('.test.mjs'));
  let folder: string;
  const children: ChildProcess[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ssekit-docs-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'ssekit'), 'junction');
    // A port that is free, whatever the program asks for.
    writeFileSync(
      join(folder, 'any-port.cjs'),
      `const { Server } = require('node:net');
      const { listen } = Server.prototype;
      Server.prototype.listen = function () {
        return listen.call(this, 0, '127.0.0.1', () => process.send(this.address().port));
      };`,
    );
  });

  afterAll(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  function write(name: string): string {
    const program = programs.find(({ file }) => file === name);
    if (!program) throw new Error(`no page has ${name}`);
    writeFileSync(join(folder, name), program.code);
    return join(folder, name);
  }

  async function start(name: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const child = fork(write(name), {
      execArgv: ['-r', join(folder, 'any-port.cjs')],
      env: { ...process.env, ...env },
    });
    children.push(child);
    const [port] = await once(child, 'message');
    return `http://127.0.0.1:${port}`;
  }

  /** Reads a stream until it holds `text`. */
  async function readUntil(response: Response, text: string): Promise<string> {
    let seen = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      seen += decoder.decode(chunk, { stream: true });
      if (seen.includes(text)) return seen;
    }
    throw new Error(`ended without ${JSON.stringify(text)}: ${seen}`);
  }

  test('every program has a test here', () => {
    expect(programs.map(({ file }) => file).sort()).toEqual(['report.mjs', 'server.mjs', 'streams.mjs']);
  });

  test('the server of the README sends the promised events', async () => {
    const origin = await start('server.mjs');
    const stream = await fetch(`${origin}/events`);
    expect(await (await fetch(`${origin}/somewhere`)).text()).toBe('sent to 1\n');
    expect(await readUntil(stream, 'hello from /somewhere')).toMatch(/^event: ssekit:ready\n/);
  });

  test('the server for streams checks cookie and secret', async () => {
    const origin = await start('streams.mjs', { SEND_SECRET: 'secret' });
    expect((await fetch(`${origin}/`)).status).toBe(401);
    const stream = await fetch(`${origin}/`, { headers: { cookie: 'user=ada' } });
    const body = JSON.stringify({ userId: 'ada', event: { event: 'greeting', data: 'hello' } });
    const send = (authorization: string) =>
      fetch(`${origin}/send`, { method: 'POST', headers: { authorization }, body });
    expect((await send('Bearer wrong')).status).toBe(401);
    expect(await (await send('Bearer secret')).text()).toBe('1');
    await readUntil(stream, 'event: greeting\ndata: "hello"\n');
  });

  test('the script that sends and ends has put its event into the folder', () => {
    const run = (...args: string[]) => spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect(run(write('report.mjs'))).toMatchObject({ status: 0, stderr: '' });
    const read = `const sse = require('ssekit').SSEService.configure({ backplane: { file: '.data' } });
      sse.ready().then(() => sse.history({ userId: 'ada' })).then((sent) => process.stdout.write(JSON.stringify(sent)));`;
    expect(JSON.parse(run('-e', read).stdout)).toMatchObject([{ event: 'report', data: '{"url":"/reports/7"}' }]);
  });
});
