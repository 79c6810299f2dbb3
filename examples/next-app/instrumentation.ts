export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;

  // Imported here, so that native code stays out of other runtimes. The instance is made before the first request comes
  // in: ssekit can take over the socket of a request only if it saw that request begin.
  const { SSEService } = await import('@/features/sse');
  const { startListener } = await import('@/lib/listener');
  const { announceNode } = await import('@/lib/node-name');
  const { announcePresence } = await import('@/lib/presence');

  SSEService.configure({ channels: { 'order:*': { presence: true } } });
  SSEService.getInstance()
    .on('connect', announceNode)
    .on('connect', announcePresence)
    .on('disconnect', announcePresence);
  await startListener();
}
