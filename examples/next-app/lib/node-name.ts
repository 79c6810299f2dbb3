import { type ClientInfo, SSEService } from '@/features/sse';

/** With several servers behind one address, DEMO_NODE is this one's name, and each page is told who holds its stream. */
export function announceNode({ clientId }: ClientInfo): void {
  const name = process.env.DEMO_NODE;
  if (name) SSEService.getInstance().sendToClient(clientId, { event: 'node', data: { name } });
}
