/** Reads the result of an application's `identify`: a user or client, nobody, or the application's own answer. */
import { answer } from '../server/connect.js';
import { argumentError } from '../server/errors.js';
import { problemOf } from '../server/identity.js';
import { unauthorized } from '../server/refusals.js';

/** Checks the options of a route. A missing `identify` would otherwise be found only when the first page asks. */
export function checkOptions(options: unknown, wants: string): void {
  if (typeof options !== 'object' || options === null) throw argumentError('options', options, `an object ${wants}`);
  const { identify } = options as { identify?: unknown };
  if (typeof identify !== 'function') throw argumentError('options.identify', identify, 'a function');
}

/** Returns the identity, or the response that the request gets instead. An empty or unknown identity counts as nobody. */
export async function identified<Who extends object>(
  request: Request,
  identity: unknown,
  known?: readonly string[],
): Promise<Who | Response> {
  const own = await ownAnswer(identity);
  if (own) return own;
  const who = typeof identity === 'object' && identity !== null ? identity : { userId: identity };
  const problem = problemOf(who, known);
  return problem === undefined ? (who as Who) : answer(unauthorized(problem, request.url));
}

/** The application's own answer, if that is what a callback of it has returned. */
export async function ownAnswer(value: unknown): Promise<Response | undefined> {
  if (value instanceof Response) return value;
  return isResponse(value) ? await ofThisRealm(value) : undefined;
}

/** Recognises a response of another realm, or of the app's own undici, which `instanceof` does not. */
function isResponse(value: unknown): value is Response {
  if (typeof value !== 'object' || value === null) return false;
  const { status, headers, arrayBuffer } = value as Partial<Response>;
  return typeof status === 'number' && typeof headers?.get === 'function' && typeof arrayBuffer === 'function';
}

/** Next.js accepts only responses of its own realm. */
async function ofThisRealm(response: Response): Promise<Response> {
  const { status, statusText, headers, body } = response;
  const content = body === null ? null : await response.arrayBuffer();
  return new Response(content, { status, statusText, headers: [...headers] });
}
