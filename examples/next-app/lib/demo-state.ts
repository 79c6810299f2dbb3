import type { SSEStats } from '@/features/sse';

/** The answer of `/api/demo/state`. */
export interface DemoState {
  clients: string[];
  users: Record<string, string[]>;
  stats: SSEStats;
  openSockets: number;
}
