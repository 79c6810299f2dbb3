/** `ssekit send <url>`: publishes an event over HTTP, at ssekit's own listener. */
import { text } from 'node:stream/consumers';

import { explain } from '../http/explain.js';
import { oneLine, say, sayJsonText, tell } from '../output.js';
import { CannotRun, EXIT, parseHeaders, parseUrl, parseUsage, UsageError } from '../usage.js';

interface Receipt {
  clients: number;
  id: string | null;
}

export async function send(args: string[]): Promise<number> {
  const { values, positionals } = parseUsage({
    args,
    allowPositionals: true,
    options: {
      user: { type: 'string' },
      client: { type: 'string' },
      channel: { type: 'string' },
      broadcast: { type: 'boolean', default: false },
      exclude: { type: 'string' },
      event: { type: 'string' },
      id: { type: 'string' },
      retry: { type: 'string' },
      'coalesce-key': { type: 'string' },
      'idempotency-key': { type: 'string' },
      header: { type: 'string', multiple: true },
      text: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const [address, data, ...more] = positionals;
  if (address === undefined) throw new UsageError('URL: got none, wants the URL of a listener');
  if (more.length > 0)
    throw new UsageError(`data: got ${more.length + 1} arguments, wants one. Put data with spaces in quotes.`);
  const { user, client, channel, broadcast } = values;
  checkAudience({ user, client, channel, broadcast: broadcast || undefined });
  const body = {
    userId: user,
    clientId: client,
    channel,
    broadcast: broadcast || undefined,
    excludeClientId: values.exclude,
    event: {
      event: values.event,
      data: await dataOf(data, values.text),
      id: values.id,
      retry: retryOf(values.retry),
      coalesceKey: values['coalesce-key'],
    },
  };
  const headers = { ...authorization(), ...idempotency(values['idempotency-key']), ...parseHeaders(values.header) };
  const answer = await publish(publishUrl(address), headers, JSON.stringify(body));
  return show(answer, values.json, client !== undefined);
}

function checkAudience(options: Record<string, unknown>): void {
  const names = Object.keys(options).map((name) => `--${name}`);
  const given = Object.keys(options).filter((name) => options[name] !== undefined);
  if (given.length === 1) return;
  const got = given.map((name) => `--${name}`).join(' and ') || 'none';
  throw new UsageError(`audience: got ${got}, wants exactly one of ${names.join(', ')}`);
}

/** If the address is only a host, `/publish` is meant. */
function publishUrl(address: string): URL {
  const url = parseUrl(address);
  if (url.pathname === '/') url.pathname = '/publish';
  return url;
}

/** Everybody on the machine can see a command's arguments, so the token comes from the environment. */
function authorization(): Record<string, string> {
  const token = process.env.SSEKIT_PUBLISH_TOKEN;
  return token ? { authorization: `Bearer ${token}` } : {};
}

function idempotency(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { 'idempotency-key': key };
}

async function dataOf(argument: string | undefined, isText: boolean): Promise<unknown> {
  if (argument === undefined) return null;
  const given = argument === '-' ? await text(process.stdin) : argument;
  if (isText) return given;
  try {
    return JSON.parse(given);
  } catch {
    throw new UsageError(`data: got ${oneLine(given, 100)}, wants JSON. To send it as a string, add --text.`);
  }
}

function retryOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (!/^\d+$/.test(given)) throw new UsageError(`--retry: got ${JSON.stringify(given)}, wants milliseconds`);
  return Number(given);
}

/** Limits for the whole answer. ssekit's own listener needs far less of either. */
const ANSWER_MS = 60_000;
const MAX_ANSWER_BYTES = 65_536;

interface Answer {
  status: number;
  text: string;
}

async function publish(url: URL, headers: Record<string, string>, body: string): Promise<Answer> {
  try {
    const fields = { ...headers, 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(url, { method: 'POST', headers: fields, body, redirect: 'manual', signal });
    return { status: response.status, text: await textOf(response, url) };
  } catch (error) {
    if (error instanceof CannotRun) throw error;
    const cause = error instanceof Error && error.cause ? error.cause : error;
    const { seen, remedy } = explain(cause) ?? {
      seen: oneLine((cause as Error).message),
      remedy: 'Check that a listener of ssekit runs there.',
    };
    throw new CannotRun(`${url.host}: ${seen}. ${remedy}`);
  }
}

async function textOf(response: Response, url: URL): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new CannotRun(
        `${url.host}: the answer is longer than ${MAX_ANSWER_BYTES.toLocaleString('en')} bytes, so it is not from a listener of ssekit.`,
      );
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function show({ status, text }: Answer, json: boolean, isForClient: boolean): number {
  if (status < 200 || status > 299) {
    tell(`ssekit send: refused with ${status}: ${oneLine(reasonIn(text, status))}`);
    return EXIT.problems;
  }
  const receipt = receiptIn(text);
  if (!receipt) throw new CannotRun(`this answer is not from a listener of ssekit: ${oneLine(text)}`);
  if (json) {
    sayJsonText(text);
    return EXIT.ok;
  }
  say(sentence(receipt, isForClient));
  return EXIT.ok;
}

function sentence({ clients, id }: Receipt, isForClient: boolean): string {
  const to = `sent to ${clients} connected client${clients === 1 ? '' : 's'}`;
  if (id !== null) return `${to}, id ${oneLine(id)}`;
  // With a backplane, no receipt has an id.
  return isForClient && clients === 0 ? `${to}: no such client is connected` : to;
}

function receiptIn(answer: string): Receipt | undefined {
  const { clients, id } = (jsonIn(answer) ?? {}) as Partial<Receipt>;
  return typeof clients === 'number' && (id === null || typeof id === 'string') ? { clients, id } : undefined;
}

function reasonIn(answer: string, status: number): string {
  if (status === 401) return 'the token is missing or wrong. Set SSEKIT_PUBLISH_TOKEN to it.';
  if (status >= 300 && status < 400) return 'the server redirects, but the token is for this address only';
  if (/^\s*</.test(answer)) {
    return 'a web page answers there, and no listener of ssekit. Start one with SSEService.getInstance().listen({ publish: … })';
  }
  const { error } = (jsonIn(answer) ?? {}) as { error?: unknown };
  return typeof error === 'string' ? error : answer.trim();
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
