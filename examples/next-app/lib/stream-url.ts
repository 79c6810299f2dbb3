import { headers } from 'next/headers';
import { listenerPort } from '@/lib/listener';

/** Where the event stream is: here, or at ssekit's own server, under the host name that the browser came by. */
export async function streamUrl(): Promise<string> {
  const port = listenerPort();
  if (port === null) return '/api/sse';
  const host = (await headers()).get('host') ?? 'localhost';
  return `http://${host.replace(/:\d+$/, '')}:${port}/events`;
}
