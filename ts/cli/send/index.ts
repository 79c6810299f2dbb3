/** `ssekit send <url>`: publishes an event over HTTP, at ssekit's own listener. */
import { text } from 'node:stream/consumers';

import { explain } from '../http/explain.js';
import { printable } from '../output.js';
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
  if (address === undefined) throw new UsageError('Which URL?');
  if (more.length > 0) throw new UsageError('Data that has blanks in it has to stand in quotes');
  const targets = [values.user, values.client, values.broadcast || undefined].filter((target) => target !== undefined);
  if (targets.length !== 1) throw new UsageError('To whom? One of --user, --client and --broadcast');
  const body = {
    userId: values.user,
    clientId: values.client,
    broadcast: values.broadcast || undefined,
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
  return show(await publish(publishUrl(address), headers, JSON.stringify(body)), values.json);
}

/** Where the address is a host alone, `/publish` is meant. */
function publishUrl(address: string): URL {
  const url = parseUrl(address);
  if (url.pathname === '/') url.pathname = '/publish';
  return url;
}

/** Everybody on the machine can see a command's arguments, so the token comes from elsewhere. */
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
    throw new UsageError('The data is not JSON; --text sends it as a string');
  }
}

function retryOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (!/^\d+$/.test(given)) throw new UsageError(`--retry wants milliseconds, got ${given}`);
  return Number(given);
}

async function publish(url: URL, headers: Record<string, string>, body: string): Promise<Response> {
  try {
    const fields = { ...headers, 'content-type': 'application/json' };
    return await fetch(url, { method: 'POST', headers: fields, body, redirect: 'error' });
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    const explanation = explain(cause);
    if (!explanation) throw error;
    throw new CannotRun(`${url.host}: ${explanation.seen}. ${explanation.remedy}`);
  }
}

async function show(response: Response, json: boolean): Promise<number> {
  const answer = await response.text();
  if (!response.ok) {
    console.error(`ssekit send: refused with ${response.status}: ${printable(reasonIn(answer, response.status))}`);
    return EXIT.problems;
  }
  if (json) {
    console.log(answer);
    return EXIT.ok;
  }
  const { clients, id } = JSON.parse(answer) as Receipt;
  const to = `sent to ${clients} connected client${clients === 1 ? '' : 's'}`;
  console.log(id === null ? `${to}: there is no such client` : `${to}, id ${id}`);
  return EXIT.ok;
}

function reasonIn(answer: string, status: number): string {
  if (status === 401) return 'the token is missing or wrong; SSEKIT_PUBLISH_TOKEN has to hold it';
  try {
    return (JSON.parse(answer) as { error: string }).error;
  } catch {
    return answer.trim();
  }
}
