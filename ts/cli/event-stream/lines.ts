/** Splits the bytes of a stream into lines that end with CRLF, LF or CR. A line that never ends does not take all memory. */
export class Lines {
  readonly #limit: number;
  // It drops a byte order mark, but only at the very beginning.
  readonly #decoder = new TextDecoder('utf-8');
  readonly #unfinished = new Unfinished();
  /** The last piece ended with a CR. A LF that comes next belongs to it. */
  #skipLineFeed = false;

  /** A longer line is cut off, but is still longer than this many characters. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that end in this piece. */
  *push(bytes: Uint8Array): Generator<string> {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === '') return;
    if (this.#skipLineFeed && text.startsWith('\n')) text = text.slice(1);
    this.#skipLineFeed = text.endsWith('\r');
    const lines = text.split(/\r\n|\r|\n/);
    const rest = lines.pop() as string;
    for (const line of lines) {
      this.#hold(line);
      yield this.#unfinished.take();
    }
    this.#hold(rest);
  }

  #hold(piece: string): void {
    if (this.#unfinished.length <= this.#limit) this.#unfinished.add(piece);
  }
}

/**
 * A line that arrives in pieces. Its memory is proportional to its length: a piece that was cut out of a chunk keeps the whole
 * chunk alive, and many small pieces take more than their characters. Joining the pieces now and then avoids both.
 */
class Unfinished {
  #blocks: string[] = [];
  #pieces: string[] = [];
  length = 0;

  add(piece: string): void {
    this.length += piece.length;
    this.#pieces.push(piece);
    if (this.#pieces.length < PIECES_AT_ONCE) return;
    this.#blocks.push(this.#pieces.join(''));
    this.#pieces = [];
  }

  /** Returns the line and starts a new one. */
  take(): string {
    const line = [...this.#blocks, ...this.#pieces].join('');
    this.#blocks = [];
    this.#pieces = [];
    this.length = 0;
    return line;
  }
}

const PIECES_AT_ONCE = 128;
