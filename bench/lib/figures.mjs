/** Samples as figures: by row, contender and value. */
import { plan } from './plan.mjs';
import { summary } from './statistics.mjs';

export class Figures {
  #samples;
  #clients;

  constructor(samples, quick = false) {
    this.#samples = samples;
    this.#clients = Object.fromEntries(plan({ quick }).map(({ name, how }) => [name, how.clients]));
  }

  has(row) {
    return this.#samples.some((sample) => sample.row === row);
  }

  howMany(row) {
    return this.#clients[row];
  }

  /** A row's number of clients, as people write it. */
  clients(row) {
    return this.#clients[row].toLocaleString('en');
  }

  /** `{ median, least, most, n }`, or nothing. */
  of(row, contender, value) {
    return summary(this.#of(row, contender).map(({ values }) => values[value]));
  }

  /** The median of a value that stands within another. */
  nested(row, contender, outer, inner) {
    return summary(this.#of(row, contender).map(({ values }) => values[outer]?.[inner]))?.median ?? Number.NaN;
  }

  /** Processor time as a multiple of the floor's: the median of the ratios within each repeat. */
  againstFloor(row, contender) {
    return this.#againstFloor(row, contender, (name, repeat) => this.#processor(row, name, repeat));
  }

  /** The same without what its event costs when it goes to nobody. */
  deliveryAgainstFloor(row, contender) {
    return this.#againstFloor(row, contender, (name, repeat) => {
      const nobody = this.#in(row, name, repeat)?.values.processorPerEvent;
      return this.#processor(row, name, repeat) - nobody / this.#clients[row];
    });
  }

  #againstFloor(row, contender, costOf) {
    const ratios = this.#of(row, contender).map(({ repeat }) => costOf(contender, repeat) / costOf('floor', repeat));
    return summary(ratios.filter(Number.isFinite))?.median ?? Number.NaN;
  }

  #processor(row, contender, repeat) {
    return this.#in(row, contender, repeat)?.values.processorPerDelivery;
  }

  #in(row, contender, repeat) {
    return this.#of(row, contender).find((sample) => sample.repeat === repeat);
  }

  #of(row, contender) {
    return this.#samples.filter((sample) => sample.row === row && sample.contender === contender);
  }
}

/** A median with its spread. */
export function cost(found, unit = 1) {
  if (!found) return '–';
  const [median, least, most] = [found.median, found.least, found.most].map((value) => figure(value / unit));
  return found.n > 1 ? `${median} (${least}–${most})` : median;
}

export function ratio(value) {
  return Number.isFinite(value) ? value.toFixed(2) : '–';
}

/** Three digits. */
export function figure(value) {
  if (value === undefined || !Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** The time the event loop was held, beside the time it is held when idle. */
export function stall(figures, name, row) {
  const held = figures.of(row, name, 'stall');
  const idle = figures.of(row, name, 'idleStall');
  return held && `${figure(held.median)} (${figure(idle.median)})`;
}
