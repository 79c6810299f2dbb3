/** Opens a URL and returns its response as a stream, over HTTP/1.1 or HTTP/2. */
import { type IncomingMessage, request as requestHttp1 } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

import { connectTo } from './connection.js';

export type HeaderFields = Record<string, string>;

export interface OpenOptions {
  method?: 'GET' | 'HEAD';
  headers: HeaderFields;
  signal: AbortSignal;
}

export interface OpenResponse {
  status: number;
  /** Names are in lower case. Several values of one name are joined by commas. */
  headers: HeaderFields;
  /** `1.0`, `1.1` or `2`. */
  httpVersion: string;
  body: Readable;
  /** HTTP/1.x only: the connection, which serves no other request. */
  socket?: Socket;
  /** Ends the connection. */
  close(): void;
}

/** Resolves with the head of the response. Redirects are treated like other answers. */
export async function open(url: URL, options: OpenOptions): Promise<OpenResponse> {
  const { socket, protocol } = await connectTo(url, options.signal);
  try {
    return await (protocol === 'h2' ? openHttp2(url, socket, options) : openHttp1(url, socket, options));
  } catch (error) {
    socket.destroy();
    // After an abort, the reader's own error says only that the connection broke.
    throw options.signal.aborted ? options.signal.reason : error;
  }
}

function openHttp1(url: URL, socket: Socket, options: OpenOptions): Promise<OpenResponse> {
  const { method = 'GET', headers } = options;
  return new Promise((resolve, reject) => {
    // Otherwise Node would ask to close the connection, which no browser does.
    const fields = { ...headers, connection: 'keep-alive' };
    const send = url.protocol === 'https:' ? requestHttps : requestHttp1;
    const request = send(url, { method, headers: fields, createConnection: () => socket });
    request.once('error', reject);
    const answered = (response: IncomingMessage): void => {
      request.on('error', () => {});
      resolve({
        status: response.statusCode ?? 0,
        headers: joined(response.headers),
        httpVersion: response.httpVersion,
        body: response,
        socket,
        close: () => socket.destroy(),
      });
    };
    // A switch to another protocol is an answer, too, although nobody has asked for it.
    request.once('response', answered).once('upgrade', answered);
    request.end();
  });
}

function openHttp2(url: URL, socket: Socket, options: OpenOptions): Promise<OpenResponse> {
  const { method = 'GET', headers } = options;
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url.origin, { createConnection: () => socket });
    session.on('error', reject);
    const stream = session.request({ ...headers, ':method': method, ':path': `${url.pathname}${url.search}` });
    stream.on('error', reject);
    stream.once('response', ({ ':status': status, ...fields }) => {
      resolve({
        status: Number(status),
        headers: joined(fields),
        httpVersion: '2',
        body: stream,
        close: () => session.destroy(),
      });
    });
  });
}

function joined(fields: Record<string, string | string[] | number | undefined>): HeaderFields {
  const entries = Object.entries(fields).filter(([name, value]) => !name.startsWith(':') && value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, String(Array.isArray(value) ? value.join(', ') : value)]),
  );
}
