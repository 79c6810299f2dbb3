/**
 * Proves what a chunk passes on its way from us to Node's response.
 *
 * A chunk that arrives unchanged proves nothing about the next one: a filter may leave the first event alone. The call stack
 * does: while Node takes the chunk, everything that passed it on is on the stack. So the chunk reports when its length is
 * read, which Node does when it writes, and each function between us and Node has to be known to pass on what it gets.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where a response's bytes are written: Node's own response, or the writer of a web stream. */
export interface Target {
  write(chunk: Uint8Array): unknown;
}

/** What stands between: nothing, code that may change what it gets, or nobody knows. */
export type Obstacle = undefined | 'wrapped' | 'body';

/** Where Node writes a chunk to a response. A way that does not lead through it leads elsewhere. */
const NODE_RESPONSE = 'node:_http_outgoing';

/**
 * Node's own way from a web stream to its sink, be it `Writable.toWeb(response)`, and from a response to its socket. A transform is
 * not among them.
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
 * Code that passes on what it gets: Next.js; `compression`, which leaves a `no-transform` response as it is; and dd-trace, which
 * looks at the head before it lets the first chunk pass.
 */
const KNOWN_FILES = new RegExp(
  ['next/dist/', 'compression/index\\.js$', 'dd-trace/packages/datadog-(?:instrumentations|shimmer)/']
    .map((path) => `/node_modules/${path}`)
    .join('|'),
);

/** Writes a chunk, and says what it has passed until Node took it. */
export function writeThrough(target: Target, chunk: Uint8Array): { result: unknown; obstacle: Obstacle } {
  const here = callSites();
  let reached = false;
  let obstructed = false;
  const { length } = chunk;
  Object.defineProperty(chunk, 'length', {
    configurable: true,
    get() {
      const sites = callSites();
      // The first is this accessor.
      const between = sites.slice(1, sites.length - here.length);
      reached ||= between.some((site) => site.getFileName() === NODE_RESPONSE);
      obstructed ||= !between.every(passesOn);
      return length;
    },
  });
  try {
    // `here` ends with this function, and so does what the accessor sees.
    const result = target.write(chunk);
    return { result, obstacle: obstructed ? 'wrapped' : reached ? undefined : 'body' };
  } finally {
    // From here on it is a chunk like any other.
    Reflect.deleteProperty(chunk, 'length');
  }
}

/** The functions that are running now, the innermost first, without the callers that wait for a promise. */
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
    // Somebody has frozen `Error`: then nothing is proven.
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
    // Frozen, so it has not been changed either.
  }
}

function passesOn(site: NodeJS.CallSite): boolean {
  const file = site.getFileName() ?? nameInDevelopment(site);
  if (!file) return false;
  return NODE_FILES.has(file) || KNOWN_FILES.test(file.replaceAll('\\', '/')) || isBundledNext(file, site);
}

/** The development server of webpack evaluates each module, and names it after its file. */
function nameInDevelopment(site: NodeJS.CallSite): string | undefined {
  const name = site.getScriptNameOrSourceURL();
  return name?.startsWith('webpack-internal:///') ? name : undefined;
}

const verdicts = new Map<string, boolean>();

/** Calls that were looked at. There are a few in an app; hot reloads add more. */
const MOST_VERDICTS = 256;

/**
 * Next.js bundles the last step of its own pipe into the app's chunks, together with the app's code. It is known by its text:
 * the very call, between what Next.js does before and after it.
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

/** Characters around a call that belong to the same function: it has comments in development, and none in production. */
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

/** The `write` of the sink that Next.js makes of a response (`createWriterFromResponse`), from 13.4 on. */
function isNextWriter({ before, after }: { before: string; after: string }): boolean {
  const begin = before.lastIndexOf('flushHeaders()');
  const end = after.indexOf('failed to write chunk to response');
  if (begin < 0 || end < 0 || !/^write\([\w$]+\)/.test(after)) return false;
  // Nothing else is written in it, so the call is the one that it is known for.
  return !/\.write\(/.test(before.slice(begin)) && !/\.write\(/.test(after.slice('write('.length, end));
}
