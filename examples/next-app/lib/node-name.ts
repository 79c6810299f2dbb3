import { type ClientInfo, SSEService } from '@/features/sse';

/** With several servers behind one address, DEMO_NODE names this one, and each page shows which server holds its stream. */
export function announceNode({ clientId }: ClientInfo): void {
  const name = process.env.DEMO_NODE;
  if (name) SSEService.getInstance().sendToClient(clientId, { event: 'node', data: { name } });
}
