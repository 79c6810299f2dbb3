'use strict';

/** Middleware that an application may put around Node's response before ssekit sees it; and a way to stop time in between. */
const { closeSync, existsSync, openSync, writeFileSync } = require('node:fs');
const { constants, createGzip } = require('node:zlib');

/** Compresses as `compression` does for an application that wants that: the head says so, and each write is flushed. */
exports.gzip = function gzip(_req, res) {
  const original = { writeHead: res.writeHead, write: res.write, end: res.end };
  const compressor = createGzip({ flush: constants.Z_SYNC_FLUSH });
  compressor.on('data', (bytes) => original.write.call(res, bytes));
  compressor.on('end', () => original.end.call(res));
  res.writeHead = (...args) => {
    res.setHeader('content-encoding', 'gzip');
    return original.writeHead.apply(res, args);
  };
  res.write = (bytes) => compressor.write(bytes);
  res.end = () => compressor.end();
};

/** Adds a comment to each write, and says so nowhere. */
exports.longer = function longer(_req, res) {
  const { write } = res;
  res.write = (bytes) => write.call(res, Buffer.concat([Buffer.from(': longer\n'), bytes]));
};

/** Takes `retry: 2000` out of the first write, and says so nowhere. */
exports.shorter = function shorter(_req, res) {
  const { write } = res;
  res.write = (bytes) => write.call(res, Buffer.from(Buffer.from(bytes).toString().replace('retry: 2000\n', '')));
};

/** Holds everything back until the command `uncork`. */
exports.cork = function cork(_req, res) {
  res.socket.cork();
};

/** Uses up all descriptors as soon as Node has stopped reading; the command `reopen` gives them back. */
exports.exhaust = function exhaust(_req, res) {
  const { _handle: handle } = res.socket;
  const { readStop } = handle;
  handle.readStop = () => {
    handle.readStop = readStop;
    const result = handle.readStop();
    exports.useUpDescriptors();
    return result;
  };
};

const held = [];

exports.useUpDescriptors = function useUpDescriptors() {
  try {
    for (;;) held.push(openSync('/dev/null'));
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
  }
};

exports.giveDescriptorsBack = function giveDescriptorsBack() {
  for (const descriptor of held.splice(0)) closeSync(descriptor);
};

/** The kernel seems to be busy after the head is out, until a file is there: what happens meanwhile, Node sees. */
exports.busyAfterHead = function busyAfterHead(_req, res, file) {
  const { _handle: handle } = res.socket;
  Object.defineProperty(handle, 'writeQueueSize', { get: () => (existsSync(file) ? 0 : 1) });
};

/**
 * The process stands still when Node has stopped reading and native code has not yet begun, until a file is there: what
 * happens meanwhile, native code sees. Another file tells that it stands.
 */
exports.standStillAtHandoff = function standStillAtHandoff(_req, res, file) {
  const { _handle: handle } = res.socket;
  const readStop = handle.readStop;
  handle.readStop = () => {
    handle.readStop = readStop;
    const result = handle.readStop();
    writeFileSync(`${file}.stands`, '');
    waitFor(file);
    return result;
  };
};

function waitFor(file) {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(file)) Atomics.wait(clock, 0, 0, 1);
}
