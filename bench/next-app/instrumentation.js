/** Lets the benchmark's operations run beside the server that is measured, in its process. */
export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { processCommands } = await import(/* turbopackIgnore: true */ process.env.BENCH_OPERATIONS);
  processCommands({ port: Number(process.env.PORT), ...(await server()) });
}

async function server() {
  if (process.env.BENCH_SERVER === 'stream') {
    globalThis.benchClients ??= new Set();
    const clients = globalThis.benchClients;
    return { path: '/api/stream', broadcast: (event) => broadcast(clients, event), clients: () => clients.size };
  }
  const { SSEService } = await import('ssekit');
  const { methodsOf } = await import(/* turbopackIgnore: true */ process.env.BENCH_SSEKIT);
  const sse = SSEService.configure(JSON.parse(process.env.BENCH_OPTIONS));
  return { path: `/api/${process.env.BENCH_SERVER}?user={i}&clientId=page-{i}`, ...methodsOf(sse, 'handoff') };
}

function broadcast(clients, { event, data }) {
  const bytes = new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${data.seq}\n\n`);
  for (const client of clients) client.enqueue(bytes);
}
