'use strict';

/** A script that sends one event and does not wait for anything. Its arguments: the backplane as JSON, the number to send, and how it ends. */
const { SSEService } = require('ssekit');

// The parent process listens for messages; that alone is no reason to stay.
process.channel.unref();

const [backplane, number, end] = process.argv.slice(2);
const sse = SSEService.configure({ backplane: JSON.parse(backplane) });
sse.ready().then(() => {
  sse.sendToUser('ada', { event: 'user', data: Number(number) });
  if (end === 'exits') process.exit();
});
