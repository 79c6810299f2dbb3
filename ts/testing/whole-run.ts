/** `SSEKIT_FAKE=1`: everything in this JavaScript environment uses a fake, whose clock ticks. */
import { standInRecord } from '../server/stand-in.js';
import { FakeSSE } from './fake-sse.js';

if (!standInRecord().binding) {
  new FakeSSE('fake', true);
  if (process.env.NODE_ENV === 'production') {
    process.emitWarning('SSEKIT_FAKE=1: the hub is a fake, which shares nothing with other processes', 'SSEKitWarning');
  }
}
