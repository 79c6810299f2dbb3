/** Fifty clients leave in the middle of something, each at its own moment and in its own way: nothing remains of them. */
import { randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { type AppState, BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

const CLIENTS = 50;

const LEAVE: Record<string, (socket: Socket) => void> = {
  'half-closes': (socket) => socket.end(),
  closes: (socket) => socket.destroy(),
  resets: (socket) => socket.resetAndDestroy(),
};

/** A client that has been connected, up to the moment of leaving. */
const MOMENTS: Record<string, (socket: Socket, request: string) => Promise<void>> = {
  'inside the request': async (socket, request) => {
    socket.write(request.slice(0, randomInt(1, request.length)));
  },
  'right behind the request': async (socket, request) => {
    socket.write(request);
  },
  'some turns later': async (socket, request) => {
    socket.write(request);
    for (let turns = randomInt(200); turns > 0; turns -= 1) await turn();
  },
  'with the head': async (socket, request) => {
    socket.write(request);
    await received(socket, 'HTTP/1.1 200');
  },
  'with the first event': async (socket, request) => {
    socket.write(request);
    await received(socket, 'ssekit:ready');
  },
};

function received(socket: Socket, text: string): Promise<void> {
  let all = '';
  return new Promise((resolve) => {
    socket.on('data', (bytes) => {
      all += bytes;
      if (all.includes(text)) resolve();
    });
    socket.once('close', resolve);
  });
}

/** Comes, and goes. Returns once its socket is closed. */
async function comeAndGo(port: number, request: string, moment: string, way: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  // A connection that breaks is what this is about.
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await new Promise((resolve) => socket.once('connect', resolve));
  await MOMENTS[moment](socket, request);
  LEAVE[way](socket);
  socket.resume();
  await closed;
}

let app: NextApp;
beforeAll(async () => {
  app = await NextApp.built();
}, BUILD_TIMEOUT_MS);
afterEach(closeClients);
afterAll(removeApps);

test.each(['auto', 'stream'] as const)("transport '%s': clients that leave leave nothing behind", async (transport) => {
  const server: NextServer = await app.serve('start', { transport });
  const ada = await server.streamOf('ada');
  const bystander = await RawClient.stream(server.port, await server.streamOf('grace'));
  const settled = { opening: 0, handoff: 0, stream: 0, listener: 0, [transport === 'auto' ? 'handoff' : 'stream']: 1 };
  const onlyBystander = (): Promise<AppState> =>
    until('the bystander alone', async () => {
      const state = await server.state();
      const { clients, transports } = state.stats;
      // The one that asks, and a stream that Node carries.
      const sockets = 1 + transports.stream;
      return clients === 1 && transports.opening === 0 && state.openSockets === sockets && state;
    });
  await onlyBystander();

  const request = `GET ${ada.path} HTTP/1.1\r\nhost: localhost\r\ncookie: ${ada.headers.cookie}\r\n\r\n`;
  const moments = Object.keys(MOMENTS);
  const ways = Object.keys(LEAVE);
  // Every moment meets every way several times.
  const clients = Array.from({ length: CLIENTS }, (_, n) =>
    comeAndGo(server.port, request, moments[n % moments.length], ways[n % ways.length]),
  );
  await server.call('broadcast', { event: 'meanwhile', data: null });
  await Promise.all(clients);

  const { stats, users } = await onlyBystander();
  expect(users).toMatchObject({ ada: [] });
  expect(stats.transports).toEqual(settled);
  const { peer, ...others } = stats.disconnects;
  expect(Object.entries(others).filter(([, count]) => count > 0)).toEqual([]);
  expect(peer).toBe(stats.connects - 1);
  await server.call('sendToUser', 'grace', { event: 'still-there', data: null });
  await until('its event', () => bystander.events().some(({ event }) => event === 'still-there'));
  expect(server.complaints).toEqual([]);
});

test.each(['auto', 'stream'] as const)(
  "transport '%s': a client that leaves during identify leaves nothing",
  async (transport) => {
    const server: NextServer = await app.serve('start', { transport });
    const waiting = await Promise.all(
      Object.values(LEAVE).map(async (leave) => {
        const client = await RawClient.request(server.port, { path: '/api/test/lookup' });
        return () => leave(client.socket);
      }),
    );
    const openSockets = async (): Promise<number> => (await server.state()).openSockets;
    await until('the requests to be there', async () => (await openSockets()) === 1 + waiting.length);
    for (const leave of waiting) leave();
    await until('the sockets to be gone', async () => (await openSockets()) === 1);
    expect(await server.post('/api/test/lookup', {})).toEqual({ ended: waiting.length });

    const { stats } = await until('the clients to be gone', async () => {
      const state = await server.state();
      return state.stats.connects === waiting.length && state.clients.length === 0 && state;
    });
    expect(stats.disconnects).toMatchObject({ peer: waiting.length, unopened: 0 });
    expect(server.complaints).toEqual([]);
  },
);
