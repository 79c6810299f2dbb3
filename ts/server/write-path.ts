/**
 * Finds out what a chunk passes on its way from us to Node's response.
 *
 * A chunk that arrives unchanged proves nothing about the next one, because a filter may leave the first event alone. The
 * call stack is proof: while Node takes the chunk, every function that passed it on is on the stack. Node reads a chunk's
 * length when it writes the chunk. So reading the length of our chunk captures the stack. Every function between us and Node
 * must be known to pass on chunks unchanged.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The place where a response's bytes are written: Node's own response, or the writer of a web stream. */
export interface Target {
  write(chunk: Uint8Array): unknown;
}

/** The obstacle between us and Node: nothing, code that may change the chunks, or something unknown. */
export type Obstacle = undefined | 'wrapped' | 'body';

/** Where Node writes a chunk to a response. A path that does not lead through it leads elsewhere. */
const NODE_RESPONSE = 'node:_http_outgoing';

/**
 * Node's own path from a web stream to its sink (`Writable.toWeb(response)` included), and from a response to its socket. It
 * contains no transform.
 */
const NODE_FILES = new Set([
  NODE_RESPONSE,
  'node:_http_server',
  'node:internal/streams/writable',
  'node:internal/stream_base_commons',
  'node:internal/webstreams/adapters',
  'node:internal/webstreams/util',
  'node:internal/webstreams/writablestream',
  'node:net',
]);

/**
 * Code that passes on chunks unchanged. `compression` leaves a `no-transform` response as it is. dd-trace looks at the head
 * before it lets the first chunk pass.
 */
const KNOWN_FILES = new RegExp(
  ['next/dist/', 'compression/index\\.js$', 'dd-trace/packages/datadog-(?:instrumentations|shimmer)/']
    .map((path) => `/node_modules/${path}`)
    .join('|'),
);

/** Writes a chunk, and returns what it passed before Node took it. */
export function writeThrough(target: Target, chunk: Uint8Array): { result: unknown; obstacle: Obstacle } {
  const here = callSites();
  let reached = false;
  let obstructed = false;
  const { length } = chunk;
  Object.defineProperty(chunk, 'length', {
    configurable: true,
    get() {
      const sites = callSites();
      // The first call site is this accessor.
      const between = sites.slice(1, sites.length - here.length);
      reached ||= between.some((site) => site.getFileName() === NODE_RESPONSE);
      obstructed ||= !between.every(passesOn);
      return length;
    },
  });
  try {
    // `here` ends with this function, and so does the accessor's stack.
    const result = target.write(chunk);
    return { result, obstacle: obstructed ? 'wrapped' : reached ? undefined : 'body' };
  } finally {
    // From now on it is a chunk like any other.
    Reflect.deleteProperty(chunk, 'length');
  }
}

/** The functions that are running now, the innermost first. Callers that wait for a promise are left out. */
function callSites(): NodeJS.CallSite[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const trace: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = Number.POSITIVE_INFINITY;
    Error.prepareStackTrace = (_error, sites) => sites;
    Error.captureStackTrace(trace, callSites);
    const sites = trace.stack;
    return Array.isArray(sites) ? sites.filter((site: NodeJS.CallSite) => !site.isAsync()) : [];
  } catch {
    // If somebody has frozen `Error`, nothing can be proven.
    return [];
  } finally {
    restore(prepareStackTrace, stackTraceLimit);
  }
}

function restore(prepareStackTrace: typeof Error.prepareStackTrace, stackTraceLimit: number): void {
  try {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  } catch {
    // `Error` is frozen, so it was not changed either.
  }
}

function passesOn(site: NodeJS.CallSite): boolean {
  const file = site.getFileName() ?? nameInDevelopment(site);
  if (!file) return false;
  return NODE_FILES.has(file) || KNOWN_FILES.test(file.replaceAll('\\', '/')) || isBundledNext(file, site);
}

/** Webpack's development server evaluates each module, and names it after its file. */
function nameInDevelopment(site: NodeJS.CallSite): string | undefined {
  const name = site.getScriptNameOrSourceURL();
  return name?.startsWith('webpack-internal:///') ? name : undefined;
}

const verdicts = new Map<string, boolean>();

/** The maximum number of verdicts on call sites that are kept. An app has a few; hot reloads add more. */
const MOST_VERDICTS = 256;

/**
 * Next.js bundles the last step of its own pipe into the app's chunks, together with the app's code. We recognize it by its
 * text: this exact call, between the code that Next.js runs before and after it.
 */
function isBundledNext(file: string, site: NodeJS.CallSite): boolean {
  const [line, column] = [site.getLineNumber() ?? 0, site.getColumnNumber() ?? 0];
  const key = `${file}:${line}:${column}`;
  let verdict = verdicts.get(key);
  if (verdict === undefined) {
    verdict = isNextWriter(textAt(file, line, column));
    if (verdicts.size >= MOST_VERDICTS) verdicts.clear();
    verdicts.set(key, verdict);
  }
  return verdict;
}

/**
 * The number of characters around a call that belong to the same function. It has comments in development, and no comments
 * in production.
 */
const AROUND = 1600;

function textAt(file: string, line: number, column: number): { before: string; after: string } {
  try {
    const text = readFileSync(file.startsWith('file:') ? fileURLToPath(file) : file, 'utf8');
    let at = 0;
    for (let passed = 1; passed < line; passed += 1) {
      const end = text.indexOf('\n', at);
      if (end < 0) break;
      at = end + 1;
    }
    at += column - 1;
    return { before: text.slice(Math.max(0, at - AROUND), at), after: text.slice(at, at + AROUND) };
  } catch {
    return { before: '', after: '' };
  }
}

/** The `write` of the sink that Next.js makes from a response (`createWriterFromResponse`), from 13.4 on. */
function isNextWriter({ before, after }: { before: string; after: string }): boolean {
  const begin = before.lastIndexOf('flushHeaders()');
  const end = after.indexOf('failed to write chunk to response');
  if (begin < 0 || end < 0 || !/^write\([\w$]+\)/.test(after)) return false;
  // The function contains no other `write`, so this is the call that we know.
  return !/\.write\(/.test(before.slice(begin)) && !/\.write\(/.test(after.slice('write('.length, end));
}
