/** Where the event stream is: here, or at ssekit's own server, which wants a ticket. `null`: there is no stream for us. */
export async function streamUrl(
  listenerPort: number | null,
  lastEventId: string,
  query: string,
): Promise<string | null> {
  if (listenerPort === null) return `/api/sse${query}`;
  const response = await fetch('/api/sse-ticket', { method: 'POST' });
  if (!response.ok) return null;
  const { ticket } = await response.json();
  return `http://${location.hostname}:${listenerPort}/events?${new URLSearchParams({ ticket, lastEventId })}`;
}
