import { SSEService } from '@/features/sse';
import type { DemoState } from '@/lib/demo-state';
import { USERS } from '@/lib/users';

export const dynamic = 'force-dynamic';

export async function GET() {
  const sse = SSEService.getInstance();
  const state: DemoState = {
    clients: sse.getActiveClients(),
    carried: Object.fromEntries(sse.getClients().map(({ id, transport, sharedBy }) => [id, { transport, sharedBy }])),
    users: Object.fromEntries(USERS.map(({ id }) => [id, sse.getClientsByUser(id)])),
    stats: sse.stats(),
    // Node counts the sockets that it holds: a stream that was handed over to native code is not among them.
    openSockets: process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length,
  };
  return Response.json(state);
}
