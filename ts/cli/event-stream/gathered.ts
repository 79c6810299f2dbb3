/**
 * A text that arrives in pieces. Its memory is proportional to its length. A piece that was cut out of a chunk keeps the
 * whole chunk alive, and a list of empty pieces grows, too. Joining the pieces now and then avoids both.
 */
const PIECES_AT_ONCE = 128;

export class Gathered {
  readonly #separator: string;
  #blocks: string[] = [];
  #pieces: string[] = [];
  #length = 0;

  constructor(separator: string) {
    this.#separator = separator;
  }

  /** The length of the text, including a separator after each piece. */
  get length(): number {
    return this.#length;
  }

  add(piece: string): void {
    this.#length += piece.length + this.#separator.length;
    this.#pieces.push(piece);
    if (this.#pieces.length < PIECES_AT_ONCE) return;
    this.#blocks.push(this.#pieces.join(this.#separator));
    this.#pieces = [];
  }

  /** Returns the text and starts anew; `undefined` if there was no piece. */
  take(): string | undefined {
    const all = [...this.#blocks, ...this.#pieces];
    this.#blocks = [];
    this.#pieces = [];
    this.#length = 0;
    return all.length === 0 ? undefined : all.join(this.#separator);
  }
}
