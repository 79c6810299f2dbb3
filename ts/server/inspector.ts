/** The inspector: a page that shows who is connected and what was sent. What the routes of each framework share. */
import type { InspectorRights } from '../../index';
import { native } from './binding.js';
import { argumentError, grouped, unfitArgument } from './errors.js';
import { explain } from './explain.js';
import { Lines } from './inspector-lines.js';
import { isJson } from './json-type.js';
import { isFromOwnPage } from './own-page.js';
import { retryAfter } from './refusals.js';

/** A request, of any framework. */
export interface InspectorRequest {
  method: string | undefined;
  url: string | undefined;
  headers: Pick<Headers, 'get'>;
  /** Returns the body as text; undefined if it has more bytes. */
  body(mostBytes: number): Promise<string | undefined>;
}

/** The answer: its whole body, or a watch whose lines are its body. */
export interface InspectorAnswer {
  status: number;
  headers: Record<string, string>;
  body: string | Lines;
}

type Rights = Required<InspectorRights>;

const EVERYTHING: Rights = { data: true, send: true, disconnect: true };

/** More than the largest event that people send by hand. */
const MOST_BYTES = 1_048_576;

const METHODS = 'GET, HEAD, POST';

/**
 * Answers a request. `granted` is what the application's `authorize` has returned. Without `authorize` it is `'development'`: then the
 * inspector works in development only.
 */
export async function inspect(request: InspectorRequest, granted: unknown): Promise<InspectorAnswer> {
  if (!native().inspectorPage)
    return problem(404, 'The inspector needs the real hub, and this process has a fake one.');
  const rights = granted === 'development' ? rightsInDevelopment(request) : rightsOf(granted);
  if (!rights) return problem(404, 'Not found.');
  if (rights === 'elsewhere') return problem(403, 'Host: got a name, wants localhost or an address, or `authorize`.');
  switch (request.method) {
    case 'GET':
      return page();
    case 'HEAD':
      return { ...page(), body: '' };
    case 'POST':
      return await obey(request, rights);
    default:
      return { ...problem(405, `Method: got another one, wants one of ${METHODS}.`, { allow: METHODS }) };
  }
}

/** Nobody can be told apart in development, so the machine's own name or an address must do: another site may name this address. */
function rightsInDevelopment({ headers }: InspectorRequest): Rights | 'elsewhere' | undefined {
  if (process.env.NODE_ENV !== 'development') return undefined;
  const host = headers.get('host') ?? '';
  const { hostname } = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : { hostname: '' };
  if (/^(localhost|.+\.localhost|[\d.]+|\[.+\])$/.test(hostname)) return EVERYTHING;
  explain('refused the inspector with 403: without `authorize` it needs localhost or an address in the URL');
  return 'elsewhere';
}

function rightsOf(granted: unknown): Rights | undefined {
  if (granted === true) return { data: false, send: false, disconnect: false };
  if (typeof granted !== 'object' || granted === null) return undefined;
  const { data, send, disconnect } = granted as InspectorRights;
  return { data: data === true, send: send === true, disconnect: disconnect === true };
}

/** Checks `authorize`, and returns it, bound to its options. */
export function checkAuthorize<Given, Granted>(options: {
  authorize?(request: Given): Granted;
}): ((request: Given) => Granted) | undefined {
  if (typeof options !== 'object' || options === null) {
    throw argumentError('options', options, 'an object { authorize? }');
  }
  const { authorize } = options;
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw argumentError('options.authorize', authorize, 'a function');
  }
  return authorize?.bind(options);
}

function page(): InspectorAnswer {
  const { body, headers } = native().inspectorPage();
  return { status: 200, headers: Object.fromEntries(headers), body };
}

async function obey(request: InspectorRequest, rights: Rights): Promise<InspectorAnswer> {
  if (!isFromOwnPage(request, [])) return unfit(403, 'Origin', request, 'a page of the same origin');
  if (!isJson(request)) return unfit(415, 'Content-Type', request, 'application/json');
  const body = await request.body(MOST_BYTES).catch(() => '');
  if (body === undefined) {
    const most = grouped(MOST_BYTES);
    return problem(413, `body: got more than ${most} bytes, wants at most ${most}`);
  }
  const { find, status, body: answer } = native().inspect(body, rights);
  if (find === undefined) return whole(status, answer);
  const watch = native().beginWatch(find, rights);
  if (!watch) return problem(429, 'Too many inspectors are open. Close one, or try again later.', retryAfter());
  return { status: 200, headers: LINES, body: new Lines(watch) };
}

const LINES = {
  'content-type': 'application/x-ndjson; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

function unfit(status: number, name: string, { headers }: InspectorRequest, wants: string): InspectorAnswer {
  const value = headers.get(name);
  const { message } = value === null ? unfitArgument(name, 'none', wants) : argumentError(name, value, wants);
  return problem(status, message);
}

function problem(status: number, error: string, headers: Record<string, string> = {}): InspectorAnswer {
  const { body, ...rest } = whole(status, JSON.stringify({ error }));
  return { ...rest, headers: { ...rest.headers, ...headers }, body };
}

function whole(status: number, body: string): InspectorAnswer {
  return { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' }, body };
}
