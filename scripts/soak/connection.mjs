/** One raw connection: a request, and the events of the answer as they come. The caller decides when and how it ends. */
import { connect } from 'node:net';
import { createParser } from 'eventsource-parser';

export class Connection {
  status = 0;
  /** Its end: `complete` by its last chunk, otherwise `broken`. */
  ended;
  received = 0;
  #socket;
  #head = Buffer.alloc(0);
  #body = Buffer.alloc(0);
  #cutAfter;
  #decoder = new TextDecoder();
  #parser;

  /**
   * - `onEvent`: called with each event, and never after the connection was left.
   * - `cutAfter`: reset after this number of bytes, wherever that is.
   */
  constructor(port, { path, headers = {}, method = 'GET', onEvent, cutAfter = Number.POSITIVE_INFINITY }) {
    this.#cutAfter = cutAfter;
    this.#parser = createParser({ onEvent });
    this.#socket = connect(port, '127.0.0.1');
    const lines = Object.entries({ host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    this.#socket.on('data', (bytes) => this.#take(bytes));
    this.#socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.ended ??= 'broken';
        resolve(this.ended);
      });
    });
    this.#socket.once('end', () => this.#socket.destroy());
  }

  #take(bytes) {
    const room = this.#cutAfter - this.received;
    this.received += bytes.length;
    this.#feed(bytes.length > room ? bytes.subarray(0, room) : bytes);
    if (bytes.length >= room) this.reset();
  }

  #feed(bytes) {
    if (this.status === 0) {
      this.#head = Buffer.concat([this.#head, bytes]);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.status = Number(this.#head.toString('latin1', 9, 12));
      this.#dechunk(this.#head.subarray(end + 4));
      this.#head = Buffer.alloc(0);
    } else this.#dechunk(bytes);
  }

  #dechunk(bytes) {
    if (this.status !== 200) return;
    this.#body = this.#body.length > 0 ? Buffer.concat([this.#body, bytes]) : bytes;
    for (;;) {
      const lineEnd = this.#body.indexOf('\r\n');
      if (lineEnd < 0) return;
      const size = Number.parseInt(this.#body.toString('latin1', 0, lineEnd), 16);
      const end = lineEnd + 2 + size;
      if (this.#body.length < end + 2) return;
      // Later bytes would be another answer, and a page has nothing more to ask on this connection.
      if (size === 0) return this.#complete();
      this.#parser.feed(this.#decoder.decode(this.#body.subarray(lineEnd + 2, end), { stream: true }));
      this.#body = this.#body.subarray(end + 2);
    }
  }

  #complete() {
    this.ended = 'complete';
    this.#socket.end();
  }

  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  /** Takes no notice any more of what comes, and lets the server end it. */
  quit() {
    this.#leave();
  }

  /** Leaves with FIN in both directions. */
  end() {
    this.#leave();
    this.#socket.end();
  }

  /** Leaves with RST. */
  reset() {
    this.#leave();
    this.#socket.resetAndDestroy();
  }

  #leave() {
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
  }
}
