/** Facts about processes from the system: on Linux, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** Processor time in nanoseconds, all threads of all these processes. The scheduler's own count, not the clock's ticks. */
export function processorTime(pids) {
  return sum(pids.map((pid) => sum(threads(pid).map((thread) => timeOf(`/proc/${pid}/task/${thread}/schedstat`)))));
}

/** The same of a process's first thread alone: in Node.js the one of the event loop. */
export function mainThreadTime(pid) {
  return timeOf(`/proc/${pid}/task/${pid}/schedstat`);
}

function threads(pid) {
  return readdirSync(`/proc/${pid}/task`);
}

function timeOf(file) {
  try {
    return Number(readFileSync(file, 'utf8').split(' ', 1)[0]);
  } catch {
    // The thread has just ended.
    return 0;
  }
}

/** Bytes of memory that these processes have written to, what they share counted once. */
export function memory(pids) {
  const of = (pid) => ['Pss_Anon', 'Pss_Shmem'].map((name) => field(`/proc/${pid}/smaps_rollup`, name));
  return sum(pids.flatMap(of));
}

/** Bytes that the kernel of the whole machine holds, sockets included. */
export function kernelMemory() {
  const pages = Number(/^TCP: .* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1] ?? 0);
  return field('/proc/meminfo', 'Slab') + pages * 4096;
}

function field(file, name) {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
