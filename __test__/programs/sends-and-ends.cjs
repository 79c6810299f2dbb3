'use strict';

/** A job's worker: no clients, no port. Sends, waits until that is there, and has nothing more to do. Its argument: where Redis is. */
const { SSEService } = require('ssekit');

// The parent process listens for messages; that alone is no reason to stay.
process.channel.unref();

// Something holds the process. This timer does not.
setTimeout(() => {
  console.error('still here, for', process.getActiveResourcesInfo());
  process.exit(9);
}, 20_000).unref();

async function work(sse) {
  // At once, before it has joined: then it cannot know yet who is there.
  sse.sendToUser('ada', { event: 'step', data: 1 });
  sse.sendToClient('ada@a', { event: 'step', data: 2 });
  await sse.ready();
  const counts = [
    sse.sendToUser('ada', { event: 'step', data: 3 }),
    sse.sendToClient('ada@a', { event: 'step', data: 4 }),
    sse.broadcast({ event: 'step', data: 5 }),
  ];
  await sse.flush();
  process.send(counts);
}

work(process.argv[2] ? SSEService.configure({ backplane: { redis: process.argv[2] } }) : SSEService.getInstance());
