/** Small charts of the last minute. */
import { type Measure, type Sample, WINDOW_MS } from '../model/rates.js';
import { bytes, count, short } from '../text/format.js';
import { byId, element, setText } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';

/** The size of a drawing in its own units. The style sheet stretches it. */
const [WIDTH, HEIGHT] = [240, 40];

/** Between samples that are further apart, nothing is known. */
const GAP_MS = 4_000;

interface Kind {
  measure: Measure;
  label: string;
  unit: string;
  show(value: number): string;
}

const KINDS: Kind[] = [
  { measure: 'deliveries', label: 'Deliveries', unit: '/s', show: short },
  { measure: 'events', label: 'Events', unit: '/s', show: short },
  { measure: 'bytes', label: 'Sent', unit: '/s', show: bytes },
  { measure: 'clients', label: 'Clients', unit: '', show: count },
  { measure: 'lagMs', label: 'Largest lag', unit: ' ms', show: count },
];

export class Charts {
  readonly #charts = KINDS.map((kind) => new Chart(kind));

  constructor() {
    byId('charts').append(...this.#charts.map(({ element }) => element));
  }

  render(samples: readonly Sample[]): void {
    for (const chart of this.#charts) chart.render(samples);
  }
}

class Chart {
  readonly #kind: Kind;
  readonly #value = element('output', { class: 'value' }, '–');
  readonly #peak = element('span', { class: 'peak' });
  readonly #line = path('stroke');
  readonly #area = path('area');
  readonly element: HTMLElement;

  constructor(kind: Kind) {
    this.#kind = kind;
    const drawing = document.createElementNS(SVG, 'svg');
    drawing.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    drawing.setAttribute('preserveAspectRatio', 'none');
    drawing.setAttribute('aria-hidden', 'true');
    drawing.append(this.#area, this.#line);
    // An output announces each change, unless it is told not to.
    this.#value.setAttribute('aria-live', 'off');
    const label = element('span', { class: 'label' }, kind.label);
    const head = element('div', { class: 'chart-head' }, label, this.#peak);
    this.element = element('li', { class: 'chart', 'data-measure': kind.measure }, head, this.#value, drawing);
  }

  render(samples: readonly Sample[]): void {
    const { measure, show, unit } = this.#kind;
    const last = samples.at(-1);
    const peak = Math.max(0, ...samples.map((sample) => sample[measure]));
    setText(this.#value, last ? `${show(last[measure])}${unit}` : '–');
    setText(this.#peak, last ? `max ${show(peak)}` : '');
    const end = last?.at ?? 0;
    const lines = segments(samples).map((segment) =>
      segment.map((sample) => point(sample.at - end, sample[measure] / (peak || 1))),
    );
    this.#line.setAttribute('d', lines.map((points) => `M${points.join('L')}`).join(''));
    this.#area.setAttribute('d', lines.map(areaUnder).join(''));
  }
}

function path(className: string): SVGPathElement {
  const made = document.createElementNS(SVG, 'path');
  made.setAttribute('class', className);
  made.setAttribute('vector-effect', 'non-scaling-stroke');
  return made;
}

/** Samples that follow each other closely. */
function segments(samples: readonly Sample[]): Sample[][] {
  const found: Sample[][] = [];
  for (const sample of samples) {
    const last = found.at(-1);
    const before = last?.at(-1);
    if (last && before && sample.at - before.at < GAP_MS) last.push(sample);
    else found.push([sample]);
  }
  return found;
}

/** `ago`: a negative number of milliseconds. `share`: of the peak. */
function point(ago: number, share: number): string {
  const x = WIDTH * (1 + ago / WINDOW_MS);
  return `${x.toFixed(1)} ${(HEIGHT - 2 - share * (HEIGHT - 4)).toFixed(1)}`;
}

function areaUnder(points: string[]): string {
  const [first, last] = [points[0], points.at(-1)].map((point = '') => point.split(' ')[0]);
  return `M${first} ${HEIGHT}L${points.join('L')}L${last} ${HEIGHT}Z`;
}
