/** Code as one writes it without a library: a `ReadableStream` per client, and a set of their controllers. */
globalThis.benchClients ??= new Set();
const clients = globalThis.benchClients;

const encoder = new TextEncoder();

export const dynamic = 'force-dynamic';

export function GET(request) {
  let client;
  const stream = new ReadableStream({
    start(controller) {
      client = controller;
      clients.add(controller);
      // So that the head goes out.
      controller.enqueue(encoder.encode(':\n\n'));
      request.signal.addEventListener('abort', () => clients.delete(controller));
    },
    cancel() {
      clients.delete(client);
    },
  });
  return new Response(stream, {
    headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform' },
  });
}
