'use strict';

/**
 * Runs in a server's process. At first it returns the process's id, and later how many bytes Node has read of each connection that it has
 * accepted since then, and that has ended.
 */
const { subscribe } = require('node:diagnostics_channel');

let sockets;

module.exports = () => {
  if (sockets) return sockets.filter(({ destroyed }) => destroyed).map(({ bytesRead }) => bytesRead);
  sockets = [];
  subscribe('net.server.socket', ({ socket }) => sockets.push(socket));
  return process.pid;
};
