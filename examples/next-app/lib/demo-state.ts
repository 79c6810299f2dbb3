import type { ClientDetails, SSEStats } from '@/features/sse';

/** How a tab's stream reaches it. */
export type Carried = Pick<ClientDetails, 'transport' | 'sharedBy'>;

/** The answer of `/api/demo/state`. */
export interface DemoState {
  clients: string[];
  /** By client id. */
  carried: Record<string, Carried>;
  users: Record<string, string[]>;
  stats: SSEStats;
  openSockets: number;
}
