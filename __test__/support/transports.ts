/** Both ways a stream can reach its client, for rules that hold on both. */
import type { SSEOptions } from '../../index';
import { Evaluator } from './evaluator';
import { RawClient, type RequestOptions } from './raw-client';
import { until } from './until';

export const TRANSPORTS = ['handoff', 'stream'] as const;
export type Settled = (typeof TRANSPORTS)[number];

/** A server whose streams all have this transport. */
export function startWith(transport: Settled, options: SSEOptions = {}): Promise<Evaluator> {
  // An hour: no heartbeat comes between the bytes that a test looks at, unless it asks for one.
  const quiet = { heartbeatMs: 3_600_000 };
  return Evaluator.start({ ...quiet, ...options, transport: transport === 'handoff' ? 'auto' : 'stream' });
}

/** Opens a stream, and waits until every stream of the server has settled on the transport. */
export async function openStream(
  server: Evaluator,
  transport: Settled,
  options: RequestOptions = {},
): Promise<RawClient> {
  const client = await RawClient.stream(server.port, options);
  await until(`every stream to be of transport ${transport}`, async () => {
    const { clients, transports } = await server.evaluate(({ sse }) => sse.stats());
    return transports[transport] === clients;
  });
  return client;
}
