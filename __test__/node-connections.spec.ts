/** Node's server does not count streams whose sockets it no longer has; docs/deploying.md says what to use. */
import { Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
});

/** A server of Node's that lets one connection in at a time, and three streams that were handed off. */
async function serve(): Promise<{ node: Evaluator; port: number; clients: RawClient[] }> {
  const node = await Evaluator.start({ limits: { clients: 3 }, drain: { windowMs: 0 } });
  const port = await node.evaluate(async ({ require, handleSSE, state }) => {
    const { createServer } = require('node:http') as typeof import('node:http');
    const server = createServer((req, res) => handleSSE(req, res, { userId: 'ada' }));
    server.maxConnections = 1;
    state.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as import('node:net').AddressInfo).port;
  });
  const clients: RawClient[] = [];
  for (let handedOff = 1; handedOff <= 3; handedOff += 1) {
    clients.push(await RawClient.stream(port));
    await until('Node to let go', async () => {
      const { transports } = await node.evaluate(({ sse }) => sse.stats());
      return transports.handoff === handedOff && (await connectionsOf(node)) === 0;
    });
  }
  return { node, port, clients };
}

const connectionsOf = (node: Evaluator): Promise<number> =>
  node.evaluate(
    ({ state }) =>
      new Promise<number>((resolve, reject) =>
        state.server.getConnections((error: Error | null, count: number) => (error ? reject(error) : resolve(count))),
      ),
  );

test('getConnections leaves out streams that were handed off, and stats() counts them', async () => {
  const { node } = await serve();
  expect(await connectionsOf(node)).toBe(0);
  expect(await node.evaluate(({ sse }) => sse.stats().transports)).toMatchObject({ handoff: 3, stream: 0 });
});

test('maxConnections does not count them, and limits.clients does', async () => {
  const { node, port } = await serve();
  const refused = await RawClient.request(port);
  await until('an answer', () => refused.headText);
  expect(refused.status).toBe(503);
  expect(await node.evaluate(({ sse }) => sse.stats().refusals.clients)).toBe(1);
});

test('closeAllConnections leaves them open, and drain() ends them', async () => {
  const { node, clients } = await serve();
  await node.evaluate(({ state }) => {
    state.server.closeAllConnections();
    // It waits for what Node has, which is nothing.
    return new Promise((resolve) => state.server.close(resolve));
  });
  await node.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'still', data: 1 }));
  for (const client of clients) expect(await client.next(1)).toMatchObject([{ event: 'still' }]);
  await node.evaluate(({ sse }) => sse.drain());
  await until('the ends', () => clients.every((client) => client.isComplete));
});
