/** Where the rows of a list are: each has the same height, unless it is expanded. */

export interface Placed {
  top: number;
  height: number;
}

export class Layout {
  #tops = new Float64Array(1);

  /** `heights`: those of expanded rows, by their index. */
  constructor(count: number, rowHeight: number, heights: ReadonlyMap<number, number>) {
    this.#tops = new Float64Array(count + 1);
    let top = 0;
    for (let index = 0; index < count; index += 1) {
      top += heights.get(index) ?? rowHeight;
      this.#tops[index + 1] = top;
    }
  }

  get height(): number {
    return this.#tops.at(-1) as number;
  }

  at(index: number): Placed {
    const top = this.#tops[index] ?? 0;
    return { top, height: (this.#tops[index + 1] ?? top) - top };
  }

  /** The rows that touch a stretch: from the first index to before the last. */
  between(from: number, to: number): [first: number, last: number] {
    const count = this.#tops.length - 1;
    return [Math.min(count, Math.max(0, this.#indexAt(from))), Math.min(count, this.#indexAt(to) + 1)];
  }

  /** The row at a distance from the top, by halving. */
  #indexAt(distance: number): number {
    let [low, high] = [0, this.#tops.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#tops[middle] as number) <= distance) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
