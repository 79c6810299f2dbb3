/** A user's browser and a payment provider, over plain HTTP, and the expected results. */
import { deepEqual, equal } from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { createParser } from 'eventsource-parser';
import { until } from './process.mjs';

export const TRANSPORT = ['linux', 'darwin'].includes(process.platform) ? 'handoff' : 'stream';

/** Lets a logged-in client receive an event of the guide's webhook and of its job. Returns the transport that carried them. */
export async function deliver(port, server) {
  await until('the app to answer', async () => {
    if (!server.isRunning) throw new Error('the server has ended');
    return (await call(port, 'POST', '/api/state').catch(() => undefined))?.status;
  });
  const nobody = await call(port, 'GET', '/api/sse');
  equal(nobody.status, 401, `without a log-in, the stream answered ${nobody.status}: ${nobody.text}`);

  const stream = await open(port, 'user=ada');
  try {
    const ready = await stream.next('ssekit:ready');
    equal(ready.userId, 'ada');
    await call(port, 'POST', '/api/webhooks/payment', { event: 'payment.completed', userId: 'ada', amount: 42 });
    deepEqual(await stream.next('payment-completed'), { amount: 42, status: 'completed' });
    await call(port, 'POST', '/api/orders', { orderId: '7', userId: 'ada' });
    deepEqual(await stream.next('order-processing'), { orderId: '7', status: 'started' });
    deepEqual(await stream.next('order-completed'), { orderId: '7', status: 'completed' });
    return (await transportOf(port)).transport;
  } finally {
    stream.close();
  }
}

/** `stats()` of the app. */
export async function statsOf(port) {
  return JSON.parse((await call(port, 'POST', '/api/state')).text);
}

/** The number of connected clients, and their transport. */
export async function transportOf(port) {
  const { transports, clients } = await statsOf(port);
  const used = Object.keys(transports).filter((name) => transports[name] > 0);
  return { clients, transport: used.join(' and ') };
}

export function call(port, method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body ? { 'content-type': 'application/json' } : {};
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.once('error', reject).once('end', () => resolve({ status: response.statusCode, text }));
    });
    // Turbopack and webpack compile a route of `next dev` when it is first asked for.
    request.setTimeout(60_000, () => request.destroy(new Error(`no answer from ${path}`)));
    request.once('error', reject).end(body && JSON.stringify(body));
  });
}

async function open(port, cookie) {
  const events = [];
  let ended;
  const parser = createParser({ onEvent: (event) => events.push(event) });
  const request = httpRequest({ host: '127.0.0.1', port, path: '/api/sse', headers: { cookie }, agent: false });
  request.once('response', (response) => {
    if (response.statusCode !== 200) ended = `the stream answered ${response.statusCode}`;
    response.setEncoding('utf8').on('data', (text) => parser.feed(text));
    response.once('close', () => {
      ended ??= 'the stream ended';
    });
  });
  request.once('error', (error) => {
    ended ??= error.message;
  });
  request.end();
  return {
    /** The data of the first event of a type. */
    async next(type) {
      const event = await until(`the event ${type}`, () => {
        if (ended) throw new Error(ended);
        return events.find(({ event }) => event === type);
      });
      return JSON.parse(event.data);
    },
    close: () => request.destroy(),
  };
}
