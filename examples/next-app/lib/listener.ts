import { randomBytes } from 'node:crypto';
import { SSEService } from '@/features/sse';

/**
 * With DEMO_LISTENER=1, streams come from ssekit's own server instead of from `/api/sse`: on its own port, opened by tickets
 * from `/api/sse-ticket`. DEMO_LISTENER_PORT chooses the port; else it is the one after the app's, so that pages find it again when
 * the app has been restarted.
 */
export async function startListener(): Promise<void> {
  if (process.env.DEMO_LISTENER !== '1') return;
  const appPort = Number(process.env.PORT ?? 3000);
  const listener = await SSEService.getInstance().listen({
    port: Number(process.env.DEMO_LISTENER_PORT ?? appPort + 1),
    tickets: { secret: randomBytes(32).toString('hex') },
    cors: { origins: ['localhost', '127.0.0.1'].map((host) => `http://${host}:${appPort}`) },
  });
  // In process.env, because Next.js may load this module more than once, and the page has to know.
  process.env.DEMO_LISTENER_PORT = String(listener.port);
}

/** The port of ssekit's own server, if streams come from there. */
export function listenerPort(): number | null {
  return process.env.DEMO_LISTENER === '1' ? Number(process.env.DEMO_LISTENER_PORT) : null;
}
