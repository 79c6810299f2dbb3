/** Linux schedules ssekit's threads as intended: a thread that wakes another in the middle of a `broadcast` keeps running. */

import { readdirSync, readFileSync } from 'node:fs';
import { killPrograms, Program } from './support/program';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(() => {
  closeClients();
  killPrograms();
});

/** Policies of sched(7). */
const [OTHER, BATCH] = [0, 3];

/** Only Linux has the policy, and `/proc`. */
(process.platform === 'linux' ? describe : describe.skip)('the threads', () => {
  test('give way to the thread that wakes them', async () => {
    expect(await threadsOf([])).toEqual({
      ours: [{ niceness: 0, policy: BATCH }],
      main: { niceness: 0, policy: OTHER },
    });
  });

  test('keep the niceness of the process', async () => {
    const nice = { niceness: 5, policy: OTHER };
    expect(await threadsOf(['nice', '-n', '5'])).toEqual({ ours: [nice], main: nice });
  });
});

/** The threads of a process that was started by such a program, and in which ssekit works. */
async function threadsOf(by: string[]): Promise<{ ours: Thread[]; main: Thread }> {
  const program = new Program('serves.cjs', ['auto', '{"threads":1}'], [], by);
  const client = await RawClient.stream(await program.message<number>());
  await until('a thread to have written', () => client.received.includes('ssekit:ready'));
  const folder = `/proc/${program.pid}/task`;
  const threads = readdirSync(folder).map((id) => threadOf(readFileSync(`${folder}/${id}/stat`, 'utf8')));
  const ours = threads.filter(({ name }) => name === 'ssekit').map(({ name, ...thread }) => thread);
  const { name, ...main } = threadOf(readFileSync(`${folder}/${program.pid}/stat`, 'utf8'));
  return { ours, main };
}

interface Thread {
  niceness: number;
  policy: number;
}

/** By proc_pid_stat(5): the name in parentheses is the second field, niceness the 19th, the policy the 41st. */
function threadOf(stat: string): Thread & { name: string } {
  const [, name, rest] = /\((.*)\) (.*)/.exec(stat) as unknown as [string, string, string];
  const after = rest.split(' ').map(Number);
  return { name, niceness: after[16] as number, policy: after[38] as number };
}
