/** A server's state after every client has left, however it left. */
import { RawClient } from './raw-client';
import { withoutRefusals } from './refusal-lines';
import { type Notice, type Resources, type ServerOptions, TestServer } from './server';
import { until } from './until';

/** A server, and what it held before the test. */
export interface Watched {
  server: TestServer;
  before: Resources;
}

/** Starts a server and lets one client come and go, so that what is made at first use has been made. */
export async function startWatched(options: ServerOptions = {}, visit = visitByHandoff): Promise<Watched> {
  const server = await TestServer.start(options);
  await visit(server, options);
  await until('the first client to be gone, and its connection', async () => {
    return (await server.call('getActiveClients')).length === 0 && (await server.resources()).connections === 0;
  });
  return { server, before: await server.resources() };
}

async function visitByHandoff(server: TestServer, { listen }: ServerOptions): Promise<void> {
  const address = listen && 'path' in listen ? listen.path : server.port;
  const host = listen && 'host' in listen ? listen.host : undefined;
  const client = await RawClient.stream(address, { host });
  await handedOff(server, 1);
  client.destroy();
}

/** Waits until this number of clients is handed off, and no other client is there. */
export function handedOff(server: TestServer, clients: number): Promise<unknown> {
  return until(`${clients} clients, all handed off`, async () => {
    const { transports } = await server.call('stats');
    return transports.handoff === clients && transports.opening + transports.stream === 0;
  });
}

/** Waits until this number of clients is streamed through Node, and no other client is there. */
export function streamed(server: TestServer, clients: number): Promise<unknown> {
  return until(`${clients} clients, all streamed through Node`, async () => {
    const { transports } = await server.call('stats');
    return transports.stream === clients && transports.opening + transports.handoff === 0;
  });
}

/** No client, connection or descriptor is left, everybody's going was told once, and nobody complained. */
export async function expectNothingLeft({ server, before }: Watched): Promise<void> {
  await until('every client to be gone', async () => (await server.call('getActiveClients')).length === 0);
  await until('every connection and descriptor to be gone', async () => {
    const { connections, descriptors } = await server.resources();
    return connections === 0 && descriptors <= before.descriptors;
  });
  const notices = await until('every going to be told', async () => {
    const notices = await server.notices();
    return clientsOf(notices, 'disconnect').length >= clientsOf(notices, 'connect').length && notices;
  });
  expect(clientsOf(notices, 'disconnect')).toEqual(clientsOf(notices, 'connect'));
  expect(clientsOf(notices, 'error')).toEqual([]);
  // Fewer, where something of the start was still open.
  expect((await server.resources()).descriptors).toBeLessThanOrEqual(before.descriptors);
  expect((await server.call('stats')).transports).toEqual({ opening: 0, handoff: 0, stream: 0, listener: 0 });
  expect(withoutRefusals(server.stderr)).toBe('');
}

/** Waits until the server has told that a client has gone, and returns for what reason. */
export async function reasonOf(server: TestServer, clientId: string): Promise<string | undefined> {
  const isIt = (notice: Notice): boolean => notice.type === 'disconnect' && notice.clientId === clientId;
  const notice = await until(`${clientId} to be told gone`, async () => (await server.notices()).find(isIt));
  return notice.reason;
}

function clientsOf(notices: Notice[], type: string): (string | undefined)[] {
  return notices
    .filter((notice) => notice.type === type)
    .map((notice) => notice.clientId)
    .sort();
}
