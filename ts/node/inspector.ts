/** The inspector on Node's own response. */
import type { ServerResponse } from 'node:http';

import type { InspectorRights } from '../../index';
import type { AnyRequest, AnyResponse } from '../server/exchange.js';
import { checkAuthorize, inspect } from '../server/inspector.js';
import type { Lines } from '../server/inspector-lines.js';
import { drained } from './drained.js';

/** The rights of a request: `true` to look without seeing data, or the rights. Anything else: it gets 404. */
export type InspectorGrant = boolean | InspectorRights | null | undefined;

export interface InspectorOptions {
  /**
   * Returns what a request may see and do. ssekit asks for each request. If it throws, `handleInspector` rejects. Default: in
   * development (`NODE_ENV=development`), everything is allowed to requests whose URL has `localhost` or an address; otherwise, every
   * request gets 404.
   */
  authorize?(req: AnyRequest): InspectorGrant | Promise<InspectorGrant>;
}

/**
 * Answers a request with the inspector, a page that shows who is connected, and what is sent to whom while it happens. Let it answer
 * `GET` and `POST` of one path: `app.all('/inspector', (req, res) => handleInspector(req, res))`. With Fastify, call `reply.hijack()`
 * first and pass `request.raw` and `reply.raw`. Resolves when the answer has been written, or the client has left.
 */
export async function handleInspector(
  req: AnyRequest,
  res: AnyResponse,
  options: InspectorOptions = {},
): Promise<void> {
  const authorize = checkAuthorize(options);
  const granted = authorize ? await authorize(req) : 'development';
  const { status, headers, body } = await inspect(
    {
      method: req.method,
      url: req.url,
      headers: { get: (name) => headerOf(req, name) },
      body: (most) => bodyOf(req, most),
    },
    granted,
  );
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.writeHead(status);
  if (typeof body === 'string') {
    res.end(body);
    return;
  }
  await pour(body, res as ServerResponse);
}

/** Writes lines until they end, or the page has left, which is no error. Without a web stream, whose layers cost more than the lines. */
function pour(lines: Lines, res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      lines.end();
      resolve();
    };
    if (res.destroyed) return over();
    res.once('close', over).on('error', over);
    lines.pourInto({
      write: (line) => drained(res, res.write(line)),
      end: () => res.end(),
    });
  });
}

function headerOf({ headers }: AnyRequest, name: string): string | null {
  const value = headers[name.toLowerCase()] ?? (name.toLowerCase() === 'host' ? headers[':authority'] : undefined);
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

/** The body as text. A framework may have read it already. */
async function bodyOf(req: AnyRequest, mostBytes: number): Promise<string | undefined> {
  const { body } = req as { body?: unknown };
  if (body !== undefined) return typeof body === 'string' ? body : JSON.stringify(body);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}
