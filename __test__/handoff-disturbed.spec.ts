/** The default transport, when the peer does what an event-stream client does not, or goes at the worst moment. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectNothingLeft, handedOff, reasonOf, startWatched, type Watched } from './support/aftermath';
import { closeClients, RawClient } from './support/raw-client';
import { stopServers, type TestServer } from './support/server';
import { until } from './support/until';

const folder = mkdtempSync(join(tmpdir(), 'ssekit-'));
let watched: Watched;
let server: TestServer;
let tests = 0;
/** The client of the test that is running; and the file that lets a server that stands still go on. */
let clientId: string;
let goOn: string;

beforeAll(async () => {
  watched = await startWatched();
  server = watched.server;
});

beforeEach(() => {
  tests += 1;
  clientId = `client-${tests}`;
  goOn = join(folder, `${tests}`);
});

afterEach(async () => {
  writeFileSync(goOn, '');
  closeClients();
  await expectNothingLeft(watched);
});

afterAll(async () => {
  await stopServers();
  rmSync(folder, { recursive: true });
});

/** Sends, and waits until the kernel has it all. */
const write = (client: RawClient, text: string): Promise<void> =>
  new Promise((resolve, reject) => client.socket.write(text, (error) => (error ? reject(error) : resolve())));

/** Closes this side only, and waits until the kernel has done it. */
const halfClose = (client: RawClient): Promise<void> => new Promise((resolve) => client.socket.end(resolve));

/** Breaks the connection off, and waits until the kernel has done it. */
const reset = (client: RawClient): Promise<void> =>
  new Promise((resolve) => {
    client.socket.once('close', () => resolve());
    client.reset();
  });

const FEW = 'x'.repeat(16 * 1024);
const MANY = `${FEW}x`;

/** Deeds of a peer, and the result if native code sees them first. */
const DEEDS: [string, (client: RawClient) => Promise<void>, reason: string | undefined][] = [
  ['breaks off', reset, 'peer'],
  ['closes its side', halfClose, 'peer'],
  ['sends 16 KiB', (client) => write(client, FEW), undefined],
  ['sends more than 16 KiB', (client) => write(client, MANY), 'protocol'],
  ['sends another request', (client) => write(client, 'GET /echo?say=no HTTP/1.1\r\nhost: x\r\n\r\n'), undefined],
];

/** It is gone for this reason, or still a client like any other. In neither case was anything but a stream answered. */
async function expectFate(client: RawClient, reason: string | undefined): Promise<void> {
  if (reason) {
    expect(await reasonOf(server, clientId)).toBe(reason);
    await until('the end', () => client.ended);
  } else {
    await server.call('sendToClient', clientId, { data: 'still' });
    expect(await client.next(1)).toMatchObject([{ data: '"still"' }]);
  }
  expect(client.received.toString().match(/HTTP\/1\.1/g) ?? []).toHaveLength(client.received.length > 0 ? 1 : 0);
}

describe('a peer that, after the handoff,', () => {
  test.each(DEEDS)('%s', async (_what, deed, reason) => {
    const client = await RawClient.stream(server.port, { path: `/sse?clientId=${clientId}` });
    await handedOff(server, 1);
    await deed(client);
    await expectFate(client, reason);
  });
});

describe('a peer that, at the handoff, when Node has stopped reading,', () => {
  test.each(DEEDS)('%s', async (_what, deed, reason) => {
    const path = `/sse?clientId=${clientId}&middleware=standStillAtHandoff&file=${goOn}`;
    const client = await RawClient.stream(server.port, { path });
    await until('the server to stand still', () => existsSync(`${goOn}.stands`));
    await deed(client);
    writeFileSync(goOn, '');
    await expectFate(client, reason);
  });
});

describe('a peer that, between the head and the handoff,', () => {
  // Node ends the connection if it cannot read a request. It queues another request for an answer, behind a stream
  // that never ends.
  test.each(DEEDS.map(([what, deed, reason]) => [what, deed, /request/.test(what) ? reason : 'peer'] as const))(
    '%s',
    async (_what, deed, reason) => {
      const path = `/sse?clientId=${clientId}&middleware=busyAfterHead&file=${goOn}`;
      const client = await RawClient.stream(server.port, { path });
      await deed(client);
      if (!reason) writeFileSync(goOn, '');
      await expectFate(client, reason);
    },
  );
});

describe('a peer that, before the head,', () => {
  const gone = DEEDS.filter(([, deed]) => deed === reset || deed === halfClose);

  test.each(gone)('%s, is gone once the handler gets to it', async (_what, deed) => {
    const client = await RawClient.request(server.port, { path: `/sse?clientId=${clientId}&wait=yes` });
    await until('the handler', async () => (await server.waiting()) === 1);
    await deed(client);
    await until('Node to see it', async () => (await server.resources()).connections === 0);
    await server.release();
    await expectFate(client, 'peer');
  });

  test.each(gone)('%s while the head is held back, is gone', async (_what, deed) => {
    const client = await RawClient.request(server.port, { path: `/sse?clientId=${clientId}&middleware=cork` });
    await until('the client', async () => (await server.call('getActiveClients')).length === 1);
    await deed(client);
    if (deed === halfClose) await server.uncork();
    await expectFate(client, 'peer');
  });
});

describe('pipelined requests', () => {
  const echo = 'GET /echo?say=second HTTP/1.1\r\nhost: x\r\n\r\n';

  test('a request behind a stream is never answered', async () => {
    const path = `/sse?clientId=${clientId}`;
    const client = await RawClient.stream(server.port, { path, trailing: echo.repeat(3) });
    await handedOff(server, 1);
    await expectFate(client, undefined);
    await server.call('disconnectClient', clientId);
    await until('the end', () => client.ended);
    expect(client.isComplete).toBe(true);
    expect(client.received.toString()).not.toContain('second');
  });

  test('a stream behind a stream ends when the first leaves Node', async () => {
    const second = `${clientId}-second`;
    const trailing = `GET /sse?clientId=${second} HTTP/1.1\r\nhost: x\r\n\r\n`;
    const client = await RawClient.stream(server.port, { path: `/sse?clientId=${clientId}`, trailing });
    expect(await reasonOf(server, second)).toBe('peer');
    await handedOff(server, 1);
    await expectFate(client, undefined);
  });

  test('many streams behind a stream cause no warning', async () => {
    const trailing = Array.from({ length: 30 }, () => 'GET /sse HTTP/1.1\r\nhost: x\r\n\r\n').join('');
    const client = await RawClient.stream(server.port, { path: `/sse?clientId=${clientId}`, trailing });
    await handedOff(server, 1);
    expect(await server.call('getActiveClients')).toEqual([clientId]);
    await expectFate(client, undefined);
  });

  test('a stream behind an ordinary answer gets its turn', async () => {
    const trailing = `GET /sse?clientId=${clientId} HTTP/1.1\r\nhost: x\r\n\r\n`;
    const client = await RawClient.request(server.port, { path: '/echo?say=first', trailing });
    await until('the stream', () => client.received.includes('ssekit:ready'));
    await server.call('sendToClient', clientId, { data: 'its turn' });
    await until('its event', () => client.received.includes('data: "its turn"'));
    expect(client.received.toString()).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n5\r\nfirst\r\n0\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    );
  });
});

describe('descriptors', () => {
  const WAVES = 20;
  const CLIENTS_PER_WAVE = 100;

  test('are closed once, over 2,000 clients', async () => {
    const lasting = await Promise.all([1, 2].map(() => RawClient.stream(server.port, { path: '/sse?userId=lasting' })));
    let answers = 0;
    let over = false;
    // A descriptor that is closed once too often is, by then, one of these connections or of the files that they read.
    const others = Array.from({ length: 4 }, async (_, number) => {
      for (let at = 0; !over; at += 1) {
        const said = `${number}-${at}`;
        const headers = { connection: at % 2 === 0 ? 'close' : 'keep-alive' };
        const answer = await fetch(`http://127.0.0.1:${server.port}/echo?say=${said}`, { headers });
        expect(await answer.text()).toBe(said);
        answers += 1;
      }
    });
    try {
      for (let wave = 0; wave < WAVES; wave += 1) {
        const path = `/sse?userId=wave-${wave}`;
        const open = Array.from({ length: CLIENTS_PER_WAVE }, () => RawClient.stream(server.port, { path }));
        const clients = await Promise.all(open);
        await handedOff(server, lasting.length + CLIENTS_PER_WAVE);
        clients.forEach((client, at) => {
          if (at % 3 === 0) client.end();
          if (at % 3 === 1) client.reset();
        });
        await server.call('disconnectUser', `wave-${wave}`);
        await until(
          'the wave to be gone',
          async () => (await server.call('getActiveClients')).length === lasting.length,
        );
        await server.call('sendToUser', 'lasting', { data: wave });
      }
    } finally {
      over = true;
      await Promise.all(others);
    }
    expect(answers).toBeGreaterThan(WAVES);
    const waves = Array.from({ length: WAVES }, (_, wave) => ({ data: String(wave) }));
    for (const client of lasting) expect(await client.next(WAVES)).toMatchObject(waves);
  });
});
