import { type OnlineUser, SSEService } from '@/features/sse';
import { USERS } from '@/lib/users';

let timer: NodeJS.Timeout | undefined;

export function onlineUsers(): OnlineUser[] {
  const sse = SSEService.getInstance();
  return USERS.map(({ id }) => ({ userId: id, tabs: sse.getClientsByUser(id).length })).filter(({ tabs }) => tabs > 0);
}

// Many tabs come and go at once when a network returns: one broadcast then tells of all of them.
export function announcePresence(): void {
  if (timer) return;
  timer = setTimeout(() => {
    timer = undefined;
    SSEService.getInstance().broadcast({ event: 'presence', data: { online: onlineUsers() } });
  }, 50);
}
