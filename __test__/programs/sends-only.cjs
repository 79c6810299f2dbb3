'use strict';

/** A script that sends one event and does not wait for anything. Its arguments: the backplane as JSON, the number to send, and what else it does. */
const { SSEService } = require('ssekit');

// The parent process listens for messages; that alone is no reason to stay.
process.channel.unref();

const [backplane, number, more] = process.argv.slice(2);
const sse = SSEService.configure({ backplane: JSON.parse(backplane) });
if (more === 'listens') sse.on('error', () => {});
sse.ready().then(() => {
  sse.sendToUser('ada', { event: 'user', data: Number(number) });
  if (more === 'exits') process.exit();
});
