/** `fakeSSE` of `ssekit/testing`: what was sent, clients, failures and time. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SSEService as Service } from '../index';
import type { FakeSSE } from '../ts/testing';

const root = join(__dirname, '..');
const { SSEService }: { SSEService: typeof Service } = require('../index.js');
const { fakeSSE, freshHub }: typeof import('../ts/testing') = require('../dist/testing/index.js');

let sse: FakeSSE;
beforeEach(() => {
  sse = fakeSSE();
});
afterEach(() => sse.restore());

const service = SSEService.getInstance();

describe('what was sent', () => {
  test('each event stands in `sent`, with its data as JSON', () => {
    sse.connect({ userId: 'ada' });
    service.sendToUser('ada', { event: 'paid', data: { at: new Date(0), left: undefined } });
    service.broadcast({ data: 1, id: 'own', retry: 5, coalesceKey: 'k' }, 'tab');
    service.sendToClient('nobody', { event: 'x', data: null });
    service.sendToChannel('order:1', { event: 'y', data: [] });
    expect(sse.sent).toEqual([
      { to: 'user', userId: 'ada', event: 'paid', data: { at: '1970-01-01T00:00:00.000Z' }, receivers: 1 },
      {
        to: 'everybody',
        excludeClientId: 'tab',
        event: 'message',
        data: 1,
        id: 'own',
        retry: 5,
        coalesceKey: 'k',
        receivers: 1,
      },
      { to: 'client', clientId: 'nobody', event: 'x', data: null, receivers: 0 },
      { to: 'channel', channel: 'order:1', event: 'y', data: [], receivers: 0 },
    ]);
  });

  test('capture returns what was sent meanwhile', async () => {
    service.broadcast({ event: 'before', data: 0 });
    expect(sse.capture(() => service.broadcast({ event: 'in', data: 1 }))).toMatchObject([{ event: 'in' }]);
    const later = sse.capture(async () => {
      await Promise.resolve();
      service.broadcast({ event: 'later', data: 2 });
    });
    expect(await later).toMatchObject([{ event: 'later' }]);
    await expect(sse.capture(() => Promise.reject(new Error('own')))).rejects.toThrow('own');
  });

  test('waitFor finds what was sent already, and what comes', async () => {
    service.sendToUser(42, { event: 'early', data: { n: 1, more: true } });
    expect(await sse.waitFor({ userId: '42', event: 'early', data: { n: 1 } })).toMatchObject({ userId: '42' });
    const coming = sse.waitFor(({ event }) => event === 'late');
    service.broadcast({ event: 'late', data: 2 });
    expect(await coming).toMatchObject({ event: 'late', data: 2 });
  });

  test('waitFor that finds nothing lists what was sent', async () => {
    service.sendToUser('ada', { event: 'other', data: { n: 1 } });
    await expect(sse.waitFor({ event: 'paid' }, { timeoutMs: 1 })).rejects.toThrow(
      'No such event: {"event":"paid"}. Sent (1):\n  1. other {"n":1} to user "ada" (0 connected) Waited for 1 ms.',
    );
  });

  test('reset begins anew', () => {
    SSEService.configure({ heartbeatMs: 1_000 });
    const client = sse.connect({ userId: 'ada' });
    service.broadcast({ event: 'x', data: 1 });
    sse.reset();
    expect([sse.sent, service.getActiveClients(), client.isConnected, service.stats().events]).toEqual([
      [],
      [],
      false,
      0,
    ]);
    // A module that sets options is loaded only once. Another test may want others.
    expect(sse.connect({ userId: 'ada' }).notices).toMatchObject([{ data: { heartbeatMs: 1_000 } }]);
    sse.reset();
    SSEService.configure({ heartbeatMs: 2_000 });
    expect(() => SSEService.configure({ heartbeatMs: 1_000 })).toThrow('options.heartbeatMs');
  });

  test('failNext lets the next call throw, and sends nothing', async () => {
    const full = Object.assign(new Error('full'), { code: 'ERR_SSEKIT_FULL' });
    sse.failNext(full);
    expect(() => service.broadcast({ data: 1 })).toThrow(full);
    expect(service.broadcast({ data: 2 })).toBe(0);
    sse.failNext(new Error('later'), 'sendToUser');
    service.broadcast({ data: 3 });
    expect(() => service.sendToUser('ada', { data: 4 })).toThrow('later');
    sse.failNext(new Error('down'), 'flush');
    await expect(service.flush()).rejects.toThrow('down');
    sse.failNext(full, 'connect');
    expect(service.connect(new Request('http://localhost/'), { userId: 'ada' }).status).toBe(503);
    expect(sse.sent.map(({ data }) => data)).toEqual([2, 3]);
  });
});

describe('clients', () => {
  test('a client receives what is for it, and next gives one event after the other', async () => {
    const client = sse.connect({ userId: 'ada', channels: ['order:1'] });
    const next = client.next();
    service.sendToUser('ada', { event: 'a', data: 1 });
    service.sendToChannel('order:1', { event: 'b', data: 2 });
    expect([await next, await client.next()]).toMatchObject([{ event: 'a', data: 1 }, { event: 'b' }]);
    await expect(client.next({ timeoutMs: 1 })).rejects.toThrow(
      'No event came. The client has received: a 1, b 2. Waited for 1 ms.',
    );
  });

  test('a client that comes back gets what it has missed', () => {
    const client = sse.connect({ userId: 'ada' });
    service.sendToUser('ada', { event: 'a', data: 1 });
    expect(client.received).toHaveLength(1);
    client.disconnect();
    expect(service.sendToUser('ada', { event: 'a', data: 2 })).toBe(0);
    expect([client.isConnected, client.reconnect().isConnected]).toEqual([false, true]);
    expect(client.received.map(({ data }) => data)).toEqual([1, 2]);
    expect(client.reset('evicted').resets).toEqual(['evicted']);
  });

  test('a client notices that it was disconnected', async () => {
    const client = sse.connect({ userId: 'ada' });
    const ended = client.ended();
    service.disconnectUser('ada');
    await ended;
    expect(client.isConnected).toBe(false);
  });

  test('a route of the application streams from the fake', async () => {
    const { createSSERoute } = require('../dist/next/index.js');
    const { GET } = createSSERoute({ identify: () => ({ userId: 'ada' }) });
    const response: Response = await GET(new Request('http://localhost/api/sse'));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const read = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
    expect(await read()).toContain('event: ssekit:ready\n');
    const coming = read();
    service.sendToUser('ada', { event: 'x', data: 1 });
    expect(await coming).toContain('event: x\ndata: 1\n');
    await reader.cancel();
    expect(service.getActiveClients()).toEqual([]);
  });
});

describe('time', () => {
  test('a user goes offline when the clock has moved', async () => {
    const offline: string[] = [];
    service.on('userOffline', ({ userId }) => offline.push(userId));
    const client = sse.connect({ userId: 'ada' });
    client.disconnect();
    sse.advance(4_999);
    expect(service.isOnline('ada')).toBe(true);
    sse.advance(1);
    expect(service.isOnline('ada')).toBe(false);
    await Promise.resolve();
    expect(offline).toEqual(['ada']);
  });

  test('events grow old', async () => {
    const client = sse.connect({ userId: 'ada' });
    service.sendToUser('ada', { event: 'x', data: 1 });
    expect(client.received).toHaveLength(1);
    client.disconnect();
    service.sendToUser('ada', { event: 'x', data: 2 });
    sse.advance(300_000);
    expect(client.reconnect().resets).toEqual(['evicted']);
    expect(await service.history({ userId: 'ada' })).toEqual([]);
  });

  test('an idle client gets heartbeats, and then its position', () => {
    SSEService.configure({ heartbeat: 'event', heartbeatMs: 100_000 });
    const client = sse.connect({ userId: 'ada' });
    service.sendToUser('ada', { event: 'x', data: 1 });
    expect(client.received).toHaveLength(1);
    const idle = (): unknown => {
      sse.advance(100_000);
      return client.notices.at(-1)?.event;
    };
    expect([idle(), idle()]).toEqual(['ssekit:heartbeat', 'ssekit:position']);
    expect(service.stats().heartbeats).toBe(2);
  });

  test('fake timers of jest move the clock, too', () => {
    jest.useFakeTimers();
    try {
      const client = sse.connect({ userId: 'ada' });
      client.disconnect();
      jest.advanceTimersByTime(4_999);
      expect(service.isOnline('ada')).toBe(true);
      jest.advanceTimersByTime(1);
      expect(service.isOnline('ada')).toBe(false);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('the place of the fake', () => {
  test('it is found after jest.resetModules, and by another copy', () => {
    let copy: typeof Service | undefined;
    jest.isolateModules(() => {
      copy = require('../index.js').SSEService;
    });
    expect(copy).not.toBe(SSEService);
    copy?.getInstance().sendToUser('ada', { event: 'x', data: 1 });
    expect(sse.sent).toHaveLength(1);
  });

  test('listeners stay when another fake takes the place', async () => {
    const told: string[] = [];
    service.on('connect', ({ clientId }) => told.push(clientId));
    sse.restore();
    sse = fakeSSE();
    sse.connect({ userId: 'ada', clientId: 'tab' });
    await Promise.resolve();
    expect(told).toEqual(['tab']);
  });

  test('restore gives the place back', () => {
    const inner = fakeSSE();
    service.broadcast({ data: 1 });
    expect(Symbol.dispose).toEqual(expect.any(Symbol));
    inner[Symbol.dispose]();
    service.broadcast({ data: 2 });
    expect([inner.sent.length, sse.sent.map(({ data }) => data)]).toEqual([0, [2]]);
  });

  test('production refuses it, unless SSEKIT_FAKE allows it', () => {
    const { NODE_ENV } = process.env;
    Object.assign(process.env, { NODE_ENV: 'production' });
    try {
      expect(() => freshHub()).toThrow('freshHub: got NODE_ENV=production, wants a test');
      expect(() => fakeSSE()).toThrow(
        'fakeSSE: got NODE_ENV=production, wants a test; SSEKIT_FAKE=1 allows it anywhere',
      );
      process.env.SSEKIT_FAKE = '1';
      fakeSSE().restore();
    } finally {
      delete process.env.SSEKIT_FAKE;
      Object.assign(process.env, { NODE_ENV });
    }
  });

  test.each([[{ mode: 'both' }], [{ mod: 'fake' }], ['spy']])(
    'options that make no sense are refused: %j',
    (options) => {
      expect(() => fakeSSE(options as never)).toThrow(TypeError);
    },
  );
});

describe('a whole run', () => {
  const run = async (program: string, env: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, ['-e', program], { cwd: root, env: { ...process.env, ...env } });

  test('SSEKIT_FAKE=1 gives a process a fake, and needs no addon', async () => {
    const program = `
      process.dlopen = () => { throw new Error('an addon was loaded'); };
      const { SSEService } = require('ssekit');
      const sse = SSEService.configure({ presenceGraceMs: 1 });
      sse.on('userOffline', ({ userId }) => process.stdout.write(userId));
      sse.connect(new Request('http://localhost/'), { userId: 'ada' }).body.cancel();
      setInterval(() => sse.isOnline('ada') || process.exit(), 1);`;
    expect((await run(program, { SSEKIT_FAKE: '1' })).stdout).toBe('ada');
    await expect(run(program, { SSEKIT_FAKE: '' })).rejects.toThrow('an addon was loaded');
  });

  test('a worker thread has a fake of its own', async () => {
    const program = `
      const { Worker } = require('node:worker_threads');
      process.dlopen = () => { throw new Error('an addon was loaded'); };
      require('ssekit').SSEService.getInstance().broadcast({ data: 1 });
      new Worker("process.dlopen = () => { throw new Error('an addon was loaded'); };" +
        "console.log('events', require('ssekit').SSEService.getInstance().stats().events)", { eval: true });`;
    expect((await run(program, { SSEKIT_FAKE: '1' })).stdout).toBe('events 0\n');
  });

  test('in production, it says so', async () => {
    const program = `require('ssekit').SSEService.getInstance().broadcast({ data: 1 })`;
    const { stderr } = await run(program, { SSEKIT_FAKE: '1', NODE_ENV: 'production' });
    expect(stderr).toContain('SSEKIT_FAKE=1: the hub is a fake, which shares nothing with other processes');
  });

  test('a fake does not keep the process alive', async () => {
    const program = `
      const sse = require('ssekit/testing').fakeSSE();
      sse.connect({ userId: 'ada' }).disconnect();`;
    await run(program, {});
  });
});
