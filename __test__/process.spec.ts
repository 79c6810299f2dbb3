/** The process around it: it ends when it should, and nothing of ours keeps it or brings it down. */

import type { SSEStats } from '../index';
import { killPrograms, Program } from './support/program';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(() => {
  closeClients();
  killPrograms();
});

describe('a program ends by itself when it', () => {
  test.each([
    'is loaded',
    'is asked for its instance',
    'is configured',
    'is asked for its counts',
    'sends events',
    'listens',
    'has listened',
    'flushes',
    'has a stream that nobody reads',
    'has a stream that is read',
    'had a stream',
    'had a server with streams',
  ])('%s', async (use) => {
    expect(await Program.result('ends-by-itself.cjs', [use])).toBe('done');
  });
});

describe.each(['auto', 'stream'] as const)('a server with open streams, transport %s,', (transport) => {
  let program: Program;
  let clients: RawClient[];

  /** Starts the program and opens streams to it, which are all where they belong. */
  async function open(streams: number): Promise<void> {
    program = new Program('serves.cjs', [transport]);
    const port = await program.message<number>();
    clients = await Promise.all(Array.from({ length: streams }, () => RawClient.stream(port)));
    for (const client of clients) client.keepOnly(300);
    const settled = transport === 'auto' ? 'handoff' : 'stream';
    await until('the streams to settle', async () => {
      return (await program.ask<SSEStats>('stats')).transports[settled] === streams;
    });
  }

  /** Every peer sees the end, as one that is no proper end: a page reconnects. */
  async function expectBrokenOff(): Promise<void> {
    await until('every peer to see the end', () => clients.every((client) => client.ended));
    expect(clients.filter((client) => client.isComplete)).toEqual([]);
  }

  test('ends by itself once it is closed and idle', async () => {
    await open(10);
    program.send('close');
    if (transport === 'stream') {
      // Node has them all, so it stays and serves them until they leave.
      program.send('broadcast');
      await Promise.all(clients.map((client) => until('the event', () => client.received.includes('data: 1\n'))));
      expect((await program.ask<SSEStats>('stats')).clients).toBe(10);
      closeClients();
    }
    expect(await program.ends()).toBe(0);
    expect(program.stderr).toBe('');
    if (transport === 'auto') await expectBrokenOff();
  });

  test('ends at once by process.exit() in a storm, with its code', async () => {
    await open(100);
    program.send('exit');
    expect(await program.ends()).toBe(3);
    expect(program.stderr).toBe('');
    await expectBrokenOff();
  });

  test('ends by an uncaught exception', async () => {
    await open(100);
    program.send('throw');
    expect(await program.ends()).toBe(1);
    expect(program.stderr).toContain('Error: thrown on purpose');
    expect(program.stderr).not.toMatch(/panicked|abort|fatal|ssekit:/i);
    await expectBrokenOff();
  });

  test('ends at once by SIGKILL', async () => {
    await open(100);
    await program.ask('storm');
    program.kill('SIGKILL');
    expect(await program.ends()).toBe('SIGKILL');
    expect(program.stderr).toBe('');
    await expectBrokenOff();
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ends by %s once each client has a retry time', async (signal) => {
    await open(100);
    await program.ask('storm');
    program.kill(signal);
    expect(await program.ends()).toBe(signal);
    expect(program.stderr).toBe('');
    await until('every peer to see the end', () => clients.every((client) => client.ended));
    expect(clients.filter((client) => !client.isComplete)).toEqual([]);
    const ends = clients.map(({ received }) => received.toString().slice(received.lastIndexOf('event:')));
    // A client that lagged too far behind in the storm gets the reset instead.
    const farewell = /^event: ssekit:drain\nretry: (\d+)\ndata: \{"reconnectInMs":\1\}\nid: \w+\.\d+\n\n\r\n0\r\n\r\n$/;
    const reset = /^event: ssekit:reset\ndata: .*\nid: \w+\.\d+\n\n\r\n0\r\n\r\n$/;
    expect(ends.filter((end) => !farewell.test(end) && !reset.test(end))).toEqual([]);
  });

  test('stays until a peer that reads late has the last bytes', async () => {
    await open(2);
    const [late, other] = clients as [RawClient, RawClient];
    late.socket.pause();
    await program.ask('burst');
    program.kill('SIGTERM');
    await until('the other to see the end', () => other.ended);
    late.socket.resume();
    expect(await program.ends()).toBe('SIGTERM');
    await until('the late one to see the end', () => late.ended);
    expect(late.isComplete).toBe(true);
    expect(late.received.includes('event: ssekit:drain\n')).toBe(true);
  });
});
