/** Stops a process for a while, so that what comes meanwhile is in the kernel when it goes on. For Linux. */
import { readFileSync } from 'node:fs';
import { until } from './until';

export async function whileStopped<R>(pid: number, act: () => Promise<R>): Promise<R> {
  // Its name may have spaces, so its state is the first letter behind the last parenthesis (proc_pid_stat(5)).
  const isStopped = (): boolean => /\) T [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  process.kill(pid, 'SIGSTOP');
  try {
    await until('the process to stand still', isStopped);
    return await act();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}
