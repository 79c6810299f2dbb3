/** The default transport: the socket leaves Node as soon as the head and the first event are out. */
import { closeClients, RawClient } from './support/raw-client';
import { stopServers, TestServer } from './support/server';
import { until } from './support/until';

afterEach(closeClients);
afterAll(stopServers);

const handedOff = (server: TestServer, clients: number): Promise<boolean> =>
  until(`${clients} handed off`, async () => (await server.call('stats')).transports.handoff === clients);

describe.each(['node', 'express', 'fastify'] as const)('%s', (framework) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start({ framework });
  });

  test('Node is left without the socket, and the client gets what is sent', async () => {
    const client = await RawClient.stream(server.port, { path: '/sse?userId=ada' });
    await handedOff(server, 1);
    await until('Node to let go', async () => (await server.resources()).connections === 0);
    expect(await server.call('sendToUser', 'ada', { event: 'hello', data: { n: 1 } })).toBe(1);
    const [event] = await client.next(1);
    expect(event).toMatchObject({ event: 'hello', data: '{"n":1}' });
    expect(client.headerLines).toEqual(
      expect.arrayContaining([
        'content-type: text/event-stream; charset=utf-8',
        'cache-control: no-cache, no-transform',
        'x-accel-buffering: no',
        'x-from-app: yes',
        'x-from-connect: yes',
        'transfer-encoding: chunked',
      ]),
    );
    client.end();
    await until('the client to go', async () => (await server.call('getActiveClients')).length === 0);
    expect(server.stderr).toBe('');
  });
});
