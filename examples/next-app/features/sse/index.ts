export type { ClientInfo, DisconnectInfo, SSEEvent, SSEStats, UserId } from 'ssekit';
export { SSEService } from 'ssekit';
