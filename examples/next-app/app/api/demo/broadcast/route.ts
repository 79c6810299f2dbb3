import { SSEService } from '@/features/sse';
import { fail, readJson } from '@/lib/http';
import { broadcastSystemMessage } from '@/lib/notifications';
import { userFromRequest } from '@/lib/session';

export async function POST(request: Request) {
  if (!userFromRequest(request)) return fail(401, 'log in first');

  const { message, excludeClientId } = await readJson(request);
  if (typeof message !== 'string' || !message) return fail(400, 'message must be a string that is not empty');

  if (excludeClientId === undefined) {
    await broadcastSystemMessage(message);
  } else if (typeof excludeClientId === 'string') {
    const event = { event: 'system-announcement', data: { message, type: 'info' } };
    SSEService.getInstance().broadcast(event, excludeClientId);
  } else {
    return fail(400, 'excludeClientId must be a string');
  }
  return Response.json({ sent: true });
}
