/**
 * Hands out a ticket with the head of a stream. The ticket has the headers of that very head, so it is made when Node writes the head.
 * Until then a placeholder stands in for it, as one of the answer's cookies. Only our own head has this placeholder. So it is also proof
 * that the response which is being written is the stream's own.
 */
import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeader, ServerResponse } from 'node:http';

import type { ConnectOptions } from '../../../index';
import { native } from '../binding.js';
import { checkCursor } from '../details.js';
import type { ClientIdentity } from '../identity.js';
import { checkAddress, queryOf } from '../identity.js';
import type { Resume } from './options.js';
import { giveSecrets } from './secrets.js';

/** A page that may get a ticket. */
export interface Ticketed {
  resume: Resume;
  /** The moment before the application was asked. */
  moment: number;
  /** What the application said. */
  client: ConnectOptions;
  identity: ClientIdentity;
  /** Path and query of the request, as the client sent them. */
  target: string;
}

/** Names and values of headers. */
type Pair = [name: string, value: string];

/**
 * Sets a cookie on this head once `response` writes it. There is none if the answer could not be given again without the application:
 * if it wants to hear of the end, or has given the client an id.
 */
export function ticketFor(response: ServerResponse, page: Ticketed, headers: Headers): void {
  const { client, identity, target } = page;
  if (client.onClose !== undefined) return;
  if (identity.clientId !== (queryOf(target).get('clientId') ?? undefined)) return;
  const placeholder = `ssekit-ticket=${randomUUID()}`;
  headers.append('set-cookie', placeholder);
  beforeHead(response, (status, pairs) => {
    if (!pairs.some(([name, value]) => isCookie(name) && value === placeholder)) return undefined;
    const head = pairs.filter(([name]) => !isCookie(name));
    const cookies = status === 200 && response.req ? cookiesOf(page, response.req.rawHeaders, head) : [];
    return (cookie) => (cookie === placeholder ? cookies : [cookie]);
  });
}

function cookiesOf({ resume, moment, client, identity, target }: Ticketed, asked: string[], head: Pair[]): string[] {
  giveSecrets();
  return native().resumeCookies({
    ...resume,
    moment,
    target,
    requestHeaders: asked,
    userId: identity.userId,
    channels: identity.channels,
    data: identity.data,
    welcome: identity.welcome,
    since: checkCursor('since', client.since),
    address: checkAddress(client.address),
    head: head.flat(),
  });
}

/** Changes the cookies of a head. */
type Change = (cookie: string) => string[];

/** Calls `look` with the head that `response` is about to write. */
function beforeHead(response: ServerResponse, look: (status: number, pairs: Pair[]) => Change | undefined): void {
  const isOwn = Object.hasOwn(response, 'writeHead');
  const { writeHead } = response;
  const changed = function (this: ServerResponse, ...given: unknown[]): ServerResponse {
    if (isOwn) response.writeHead = writeHead;
    else Reflect.deleteProperty(response, 'writeHead');
    const at = given.findIndex((argument) => typeof argument === 'object' && argument !== null);
    const own = at < 0 ? [] : pairsOf(given[at]);
    const set = pairsOf(response.getHeaders()).filter(([name]) => !own.some(([other]) => isSame(name, other)));
    const change = look(Number(given[0]), [...set, ...own]);
    if (change && own.some(([name]) => isCookie(name))) {
      given[at] = own.flatMap(([name, value]) =>
        isCookie(name) ? change(value).flatMap((one) => [name, one]) : [name, value],
      );
    } else if (change) {
      const cookies = set.flatMap(([name, value]) => (isCookie(name) ? change(value) : []));
      if (cookies.length > 0) response.setHeader('set-cookie', cookies);
      else response.removeHeader('set-cookie');
    }
    return Reflect.apply(response.writeHead, this, given) as ServerResponse;
  };
  response.writeHead = changed as ServerResponse['writeHead'];
}

/** The headers of `getHeaders` and of `writeHead`: an object, a flat array, or an array of pairs. */
function pairsOf(headers: unknown): Pair[] {
  if (!Array.isArray(headers)) return Object.entries(headers as Record<string, OutgoingHttpHeader>).flatMap(each);
  if (Array.isArray(headers[0])) return (headers as [string, OutgoingHttpHeader][]).flatMap(each);
  const pairs: Pair[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) pairs.push(...each([headers[at], headers[at + 1]]));
  return pairs;
}

function each([name, value]: [string, OutgoingHttpHeader | undefined]): Pair[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map((one): Pair => [name, String(one)]) : [[name, String(value)]];
}

function isSame(name: string, other: string): boolean {
  return name.toLowerCase() === other.toLowerCase();
}

function isCookie(name: string): boolean {
  return isSame(name, 'set-cookie');
}
