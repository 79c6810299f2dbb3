export type { ClientInfo, DisconnectInfo, SSEEvent, SSEStats, UserId } from 'ssekit';
export { SSEService } from 'ssekit';

// The history is in this folder, so that it survives a restart. An empty SSEKIT_DATA_DIR keeps it in memory.
if (!process.env.SSEKIT_REDIS_URL) process.env.SSEKIT_DATA_DIR ??= '.data';
