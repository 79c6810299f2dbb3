/**
 * A process without clients that sends a payment to a user: `node send.mjs ada 12.50`, in this folder. A server on the same folder
 * delivers it; if there is none, the event waits for it.
 */
import { SSEService } from 'ssekit';

const [userId = 'ada', amount = '12.50'] = process.argv.slice(2);
// As features/sse/index.ts has it.
if (!process.env.SSEKIT_REDIS_URL) process.env.SSEKIT_DATA_DIR ??= '.data';

const sse = SSEService.getInstance();
sse.sendToUser(userId, { event: 'payment-completed', data: { amount: Number(amount), status: 'completed' } });
// It is in the folder when this resolves.
await sse.flush();
console.log(`sent ${amount} to ${userId}`);
process.exit();
