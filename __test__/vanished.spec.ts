/**
 * A peer that vanishes without a word: no FIN, no RST, only silence. A network namespace of its own is the peer's machine, and
 * its network is cut.
 */
import type { DisconnectReason, SSEStats } from '../index';
import { killPrograms, Program } from './support/program';
import { TRANSPORTS } from './support/transports';
import { until } from './support/until';

/** The time after which unacknowledged data ends the connection: the smallest that the option takes. */
const TIMEOUT = { heartbeatMs: 200, timeoutMs: 1_000 };

/** Root may make namespaces; anybody else may where they come with a namespace of users. */
const UNSHARE = process.getuid?.() === 0 ? ['--net'] : ['--net', '--user', '--map-root-user'];

type State = { stats: SSEStats; gone: DisconnectReason[] };

afterEach(killPrograms);

describe.each(TRANSPORTS)('over %s', (transport) => {
  let program: Program;
  const ask = (order: string): Promise<State> => program.ask<State>(order);

  beforeEach(async () => {
    const args = [transport === 'handoff' ? 'auto' : 'stream', JSON.stringify(TIMEOUT)];
    program = new Program('far-peer.cjs', args, [], ['unshare', ...UNSHARE]);
    expect(await program.message(0)).toBe('ready');
  });

  /** Lets a client connect and settle. */
  async function connect(reads: 'reading' | 'stalled'): Promise<void> {
    await ask(`connect ${reads}`);
    await until('it to be connected', async () => (await ask('look')).stats.transports[transport] === 1);
  }

  /** Waits until it is gone, and nothing of it is left. */
  async function expectTimeout(): Promise<void> {
    await until('it to be gone', async () => (await ask('look')).gone.length > 0);
    const { stats, gone } = await ask('look');
    expect(gone).toEqual(['timeout']);
    expect([stats.clients, stats.disconnects.timeout]).toEqual([0, 1]);
    expect(program.stderr).toBe('');
  }

  test('an idle peer that vanishes is gone after a heartbeat and the timeout', async () => {
    await connect('reading');
    const { stats } = await until('heartbeats', async () => {
      const state = await ask('look');
      return state.stats.heartbeats > 10 && state;
    });
    expect(stats.clients).toBe(1);
    await ask('cut');
    await expectTimeout();
  });

  test('a peer that vanishes amid events is gone after the timeout', async () => {
    await connect('reading');
    await ask('broadcast 1000');
    await ask('cut');
    await ask('broadcast 100000');
    await expectTimeout();
  });

  // Linux counts the time from the first probe of a closed window on, although each probe is answered.
  test('a peer that stops reading is gone after the timeout', async () => {
    await connect('stalled');
    const { stats } = await ask('look');
    expect(stats.clients).toBe(1);
    await until('it to be gone', async () => (await ask('broadcast 500000')).gone.length > 0);
    await expectTimeout();
  });
});
