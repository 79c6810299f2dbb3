import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { OrderJob } from '@/lib/queue';

// For one machine without Redis: each job is a file. To rename it makes it one process's own, because only one can.
const [NEW, TAKEN, WAITING] = ['.new', '.taken', '.json'];

export function putJob(folder: string, job: OrderJob): void {
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/${job.orderId}`;
  writeFileSync(file + NEW, JSON.stringify(job));
  // Complete when others see it.
  renameSync(file + NEW, file + WAITING);
}

/** Takes a job that waits, if there is one. A job whose worker is killed is not taken again: a real queue would. */
export function takeJob(folder: string): OrderJob | undefined {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder).filter((name) => name.endsWith(WAITING))) {
    const [waiting, taken] = [`${folder}/${name}`, `${folder}/${name}${TAKEN}`];
    try {
      renameSync(waiting, taken);
    } catch {
      // Another worker was faster.
      continue;
    }
    const job: OrderJob = JSON.parse(readFileSync(taken, 'utf8'));
    rmSync(taken);
    return job;
  }
  return undefined;
}
