/** On a signal, the process drains its clients and then ends, also as the first process of a container. */
import { readFileSync } from 'node:fs';
import type { SSEOptions, SSEStats } from '../index';
import { killPrograms, Program } from './support/program';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(() => {
  closeClients();
  killPrograms();
});

/** Root may make a process namespace; anybody else may where it comes with one of users. */
const UNSHARE = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];

/** As in a container: the program is process 1, which has no default action for signals. */
const CONTAINER = ['unshare', ...UNSHARE, '--pid', '--fork', '--kill-child', '--mount-proc'];

type Signal = 'SIGTERM' | 'SIGINT';

interface Server {
  program: Program;
  clients: RawClient[];
  tell(signal: Signal): void;
}

interface Setting {
  habit?: string;
  transport?: string;
  options?: SSEOptions;
  by?: string[];
  clients?: number;
}

async function serve(setting: Setting = {}): Promise<Server> {
  const { habit = 'has no listener', transport = 'auto', by = [], clients: count = 2 } = setting;
  const options = { drain: { windowMs: 100, retryMs: 100 }, ...setting.options };
  const program = new Program('ends-by-signal.cjs', [habit, transport, JSON.stringify(options)], [], by);
  const port = await program.message<number>();
  expect(await program.ask('pid')).toBe(by.length > 0 ? 1 : program.pid);
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.stream(port)));
  const settled = transport === 'auto' ? 'handoff' : 'stream';
  await until('the streams to settle', async () => {
    return (await program.ask<SSEStats>('stats')).transports[settled] === count;
  });
  const pid = by.length > 0 ? childOf(program.pid) : program.pid;
  return { program, clients, tell: (signal) => process.kill(pid, signal) };
}

/** As this process sees it: inside it has the number 1. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}

async function expectFarewells(clients: RawClient[]): Promise<void> {
  for (const client of clients) {
    await until('the end', () => client.ended);
    expect(client.isComplete).toBe(true);
    expect(client.events().at(-1)?.event).toBe('ssekit:drain');
  }
}

const BOTH: Signal[] = ['SIGTERM', 'SIGINT'];
const TRANSPORTS = ['auto', 'stream'];
const CASES = BOTH.flatMap((signal) => TRANSPORTS.map((transport) => [signal, transport] as const));

/** Signals, namespaces and /proc as they are there. */
const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux.each<[where: string, by: string[], end: (signal: Signal) => number | Signal]>([
  ['an ordinary process', [], (signal) => signal],
  ['the first process of a container', CONTAINER, () => 0],
])('%s', (_, by, end) => {
  test.each(CASES)('lets its clients go at %s and ends, transport %s', async (signal, transport) => {
    const { program, clients, tell } = await serve({ transport, by });
    tell(signal);
    await expectFarewells(clients);
    expect(await program.ends()).toBe(end(signal));
    expect(program.stderr).toBe('');
  });

  test('ends without clients, too', async () => {
    const { program, clients, tell } = await serve({ by, clients: 1 });
    clients[0]?.destroy();
    await until('it to be gone', async () => (await program.ask<SSEStats>('stats')).clients === 0);
    tell('SIGTERM');
    expect(await program.ends()).toBe(end('SIGTERM'));
  });

  test.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
  ] as const)('that gets %s and then %s ends at once', async (first, second) => {
    // The second of two clients is let go after half an hour.
    const { program, clients, tell } = await serve({ by, options: { drain: { windowMs: 3_600_000 } } });
    tell(first);
    await until('the first client to be let go', () => clients.some((client) => client.ended));
    tell(second);
    const number = second === 'SIGTERM' ? 15 : 2;
    expect(await program.ends()).toBe(by.length > 0 ? 128 + number : second);
    await until('the others to be cut', () => clients.every((client) => client.ended));
  });

  test.each([
    ['exits in its listener', 0],
    ['exits with a code of its own', 7],
    ['throws in its listener', 1],
  ])('whose application %s lets its clients go before', async (habit, code) => {
    const { program, clients, tell } = await serve({ by, habit });
    tell('SIGTERM');
    expect(await program.ends()).toBe(code);
    await expectFarewells(clients);
  });

  test('whose application listens ends when the application says so', async () => {
    const { program, clients, tell } = await serve({ by, habit: 'decides by itself' });
    tell('SIGTERM');
    await until('the application to hear of it', () => program.messages.includes('application: SIGTERM'));
    await expectFarewells(clients);
    // It still runs, and still answers.
    expect((await program.ask<SSEStats>('stats')).disconnects.drained).toBe(2);
    program.send('exit');
    expect(await program.ends()).toBe(5);
  });

  test('that is told not to drain leaves signals alone', async () => {
    const { program, clients, tell } = await serve({ by, options: { drainOnSigterm: false } });
    tell('SIGTERM');
    if (by.length === 0) {
      expect(await program.ends()).toBe('SIGTERM');
      return;
    }
    // Nobody listens, so the first process gets nothing.
    expect((await program.ask<SSEStats>('stats')).clients).toBe(2);
    expect(clients.every((client) => !client.ended)).toBe(true);
  });
});

test('an ordinary process ends at once at a second signal', async () => {
  const setting = { habit: 'exits in its listener', options: { drain: { windowMs: 3_600_000 } } };
  const { program, clients, tell } = await serve(setting);
  tell('SIGTERM');
  await until('the first client to be let go', () => clients.some((client) => client.ended));
  // Node has nothing to say any more; the kernel ends it.
  tell('SIGTERM');
  expect(await program.ends()).toBe('SIGTERM');
});
