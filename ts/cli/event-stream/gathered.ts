/**
 * A text that comes in pieces, kept in memory that goes by its length. A piece that was cut out of a chunk keeps the whole chunk
 * alive, and a list of empty pieces grows, too; joined now and then, they do neither.
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

  /** Of the text, and of a separator behind each piece. */
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

  /** The text, and begins anew. `undefined`: there was no piece. */
  take(): string | undefined {
    const all = [...this.#blocks, ...this.#pieces];
    this.#blocks = [];
    this.#pieces = [];
    this.#length = 0;
    return all.length === 0 ? undefined : all.join(this.#separator);
  }
}
