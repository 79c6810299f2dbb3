/** A listener that takes publications, as `ssekit/publish` finds it. */
import { Evaluator } from './evaluator';
import { type Message, RawClient } from './raw-client';

export const TOKEN = 'a-token-that-only-these-tests-know-of';

export interface PublishingServer {
  server: Evaluator;
  port: number;
  url: string;
  /** A stream, by its client id, of a user or of nobody. */
  open(clientId: string, userId?: string): Promise<RawClient>;
  /** All that has come to a client: a last word is sent to everybody first, and what was sent before comes before it. */
  eventsOf(client: RawClient): Promise<Message[]>;
}

export async function startPublishing({ traceContext = false } = {}): Promise<PublishingServer> {
  const server = await Evaluator.start({ heartbeatMs: 3_600_000 });
  const options = { anonymous: true, tickets: { secret: 's'.repeat(32) }, publish: { token: TOKEN }, traceContext };
  const port = await server.evaluate(async ({ sse }, options) => (await sse.listen(options)).port as number, options);
  const ticketOf = (userId: string): Promise<string> =>
    server.evaluate(({ sse }, userId) => sse.issueTicket({ userId }), userId);
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    async open(clientId, userId) {
      const query = new URLSearchParams({ clientId, ...(userId && { ticket: await ticketOf(userId) }) });
      return RawClient.stream(port, { path: `/events?${query}` });
    },
    async eventsOf(client) {
      await server.evaluate(({ sse }) => sse.broadcast({ event: 'last word', data: null }));
      for (let count = 1; ; count++) {
        const events = await client.next(count);
        const end = events.findIndex(({ event }) => event === 'last word');
        if (end >= 0) return events.slice(0, end);
      }
    },
  };
}
