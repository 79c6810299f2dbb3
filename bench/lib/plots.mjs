/** Plots as SVG text, with nothing but what every viewer draws. */

const WIDTH = 860;
const LABELS = 230;
const RIGHT = 150;
const INK = '#1e293b';
const FAINT = '#64748b';
const GRID = '#e2e8f0';
/** Ours stands out; the floor is what all are compared with. */
export const TONES = { ours: '#ea580c', floor: '#334155', peer: '#94a3b8' };
const FONT = 'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"';

/**
 * Horizontal bars, one group of them for each row: `{ label, tone, bars: [{ value, least, most, text }] }`. The second bar of a
 * group is paler; one that is not there leaves its place. `legend` names the bars of a group.
 */
export function barPlot({ title, note, rows, log = false, legend = [] }) {
  const thickness = rows[0].bars.length > 1 ? 13 : 18;
  const step = rows[0].bars.length * (thickness + 2) + 14;
  const scale = scaleOf(
    rows.flatMap(({ bars }) => bars.filter(Boolean).flatMap(({ value, most }) => [value, most ?? value])),
    log,
  );
  const body = rows.map(({ label, tone, bars }, index) => {
    const top = 92 + index * step;
    const middle = top + (bars.length * (thickness + 2)) / 2;
    const drawn = bars.map((bar, number) => {
      if (!bar) return '';
      const y = top + number * (thickness + 2);
      const end = scale.at(bar.value);
      const text = escaped(bar.text);
      return `
  <rect x="${LABELS}" y="${y}" width="${round(end - LABELS)}" height="${thickness}" rx="3" fill="${tone}"${number ? ' fill-opacity="0.55"' : ''}/>
  ${spread(bar, scale, y + thickness / 2)}
  <text x="${round(Math.max(end, bar.most === undefined ? 0 : scale.at(bar.most)) + 7)}" y="${y + thickness / 2 + 4}" font-size="12" fill="${INK}">${text}</text>`;
    });
    return `
  <text x="${LABELS - 10}" y="${middle + 4}" font-size="13" text-anchor="end" fill="${INK}">${escaped(label)}</text>${drawn.join('')}`;
  });
  const bottom = 92 + rows.length * step;
  const grid = log ? ticks(scale, 86, bottom) : '';
  return frame({ title, note, legend, height: bottom + (log ? 28 : 6), body: grid + body.join('') });
}

/** For each row a line from the first to the last of some values, and a dot for each: `{ label, tone, values, text }`. */
export function rangePlot({ title, note, rows, legend }) {
  const scale = scaleOf(
    rows.flatMap(({ values }) => values),
    true,
  );
  const step = 34;
  const body = rows.map(({ label, tone, values, text }, index) => {
    const y = 108 + index * step;
    const [first, last] = [scale.at(values[0]), scale.at(values.at(-1))];
    const dots = values.map((value, number) => {
      return `<circle cx="${round(scale.at(value))}" cy="${y}" r="${6 - number}" fill="${number ? '#fff' : tone}" stroke="${tone}" stroke-width="2"/>`;
    });
    return `
  <text x="${LABELS - 10}" y="${y + 4}" font-size="13" text-anchor="end" fill="${INK}">${escaped(label)}</text>
  <line x1="${round(first)}" x2="${round(last)}" y1="${y}" y2="${y}" stroke="${tone}" stroke-width="3"/>
  ${dots.join('')}
  <text x="${round(last + 12)}" y="${y + 4}" font-size="12" fill="${INK}">${escaped(text)}</text>`;
  });
  const grid = ticks(scale, 92, 92 + rows.length * step);
  return frame({ title, note, legend, height: 92 + rows.length * step + 28, body: grid + body.join('') });
}

/** Lines over a logarithmic axis: `{ label, tone, points: [[x, y, text]] }`. */
export function linePlot({ title, note, lines, xLabel }) {
  const height = 380;
  const [left, right, top, bottom] = [60, WIDTH - 190, 100, height - 56];
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const x =
    ([low, high]) =>
    (value) =>
      left + ((Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (right - left);
  const toX = x([Math.min(...xs), Math.max(...xs)]);
  const highest = Math.max(...lines.flatMap(({ points }) => points.map(([, y]) => y))) * 1.15;
  const toY = (value) => bottom - (value / highest) * (bottom - top);
  const stepY = niceStep(highest / 5);
  const grid = [];
  for (let value = 0; value <= highest; value += stepY) {
    grid.push(`
  <line x1="${left}" x2="${right}" y1="${round(toY(value))}" y2="${round(toY(value))}" stroke="${GRID}"/>
  <text x="${left - 8}" y="${round(toY(value) + 4)}" font-size="12" text-anchor="end" fill="${FAINT}">${round(value)}</text>`);
  }
  for (const value of new Set(xs)) {
    grid.push(`
  <text x="${round(toX(value))}" y="${bottom + 20}" font-size="12" text-anchor="middle" fill="${FAINT}">${value.toLocaleString('en')}</text>`);
  }
  const labelYs = apart(lines.map(({ points }) => toY(points.at(-1)[1]) + 4));
  const drawn = lines.map(({ label, tone, points }, index) => {
    const path = points.map(([px, py]) => `${round(toX(px))},${round(toY(py))}`);
    const [lastX] = points.at(-1);
    return `
  <polyline points="${path.join(' ')}" fill="none" stroke="${tone}" stroke-width="2.5" stroke-linejoin="round"/>
  ${points.map(([px, py]) => `<circle cx="${round(toX(px))}" cy="${round(toY(py))}" r="4" fill="${tone}"/>`).join('')}
  <text x="${round(toX(lastX) + 10)}" y="${round(labelYs[index])}" font-size="13" fill="${tone}">${escaped(label)}</text>`;
  });
  const axis = `
  <text x="${(left + right) / 2}" y="${height - 16}" font-size="12" text-anchor="middle" fill="${FAINT}">${escaped(xLabel)}</text>`;
  return frame({ title, note, legend: [], height, body: grid.join('') + drawn.join('') + axis });
}

/** The same heights, but so far from each other that a line of text fits between. */
function apart(heights) {
  const order = heights.map((_, index) => index).sort((a, b) => heights[a] - heights[b]);
  const moved = [...heights];
  for (const [at, index] of order.entries()) {
    if (at > 0) moved[index] = Math.max(moved[index], moved[order[at - 1]] + 16);
  }
  return moved;
}

function frame({ title, note, legend, height, body }) {
  const named = legend.map(({ text, shape }, index) => {
    const x = LABELS + index * 150;
    return `
  ${shape(x, 76)}<text x="${x + 20}" y="80" font-size="12" fill="${FAINT}">${escaped(text)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}" ${FONT}>
  <rect width="${WIDTH}" height="${height}" rx="10" fill="#fff"/>
  <text x="24" y="34" font-size="18" font-weight="600" fill="${INK}">${escaped(title)}</text>
  <text x="24" y="56" font-size="12.5" fill="${FAINT}">${escaped(note)}</text>${named.join('')}${body}
</svg>
`;
}

/** For a legend: the first bar of a group, and the second. */
export const SOLID = (x, y) => `<rect x="${x}" y="${y - 5}" width="14" height="10" rx="2" fill="${FAINT}"/>`;
export const PALE = (x, y) =>
  `<rect x="${x}" y="${y - 5}" width="14" height="10" rx="2" fill="${FAINT}" fill-opacity="0.55"/>`;
/** The dots of a range, by their number. */
export const DOT = (number) => (x, y) =>
  `<circle cx="${x + 7}" cy="${y}" r="${6 - number}" fill="${number ? '#fff' : FAINT}" stroke="${FAINT}" stroke-width="2"/>`;

function scaleOf(values, log) {
  const most = Math.max(...values);
  const least = log ? 10 ** Math.floor(Math.log10(Math.min(...values))) : 0;
  const room = WIDTH - RIGHT - LABELS;
  const part = log
    ? (value) => (Math.log10(value) - Math.log10(least)) / (Math.log10(most) - Math.log10(least))
    : (value) => value / most;
  return { least, most, at: (value) => LABELS + Math.max(0.004, part(value)) * room };
}

function ticks(scale, top, bottom) {
  const lines = [];
  const decades = Array.from({ length: 12 }, (_, power) => scale.least * 10 ** power);
  for (const value of decades.filter((decade) => decade <= scale.most)) {
    const x = round(scale.at(value));
    lines.push(`
  <line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" stroke="${GRID}"/>
  <text x="${x}" y="${bottom + 16}" font-size="12" text-anchor="middle" fill="${FAINT}">${value.toLocaleString('en')}</text>`);
  }
  return lines.join('');
}

/** From the least to the most of what was measured. */
function spread({ least, most }, scale, y) {
  if (least === undefined || most === undefined || most === least) return '';
  return `<line x1="${round(scale.at(least))}" x2="${round(scale.at(most))}" y1="${y}" y2="${y}" stroke="${INK}" stroke-width="1.2" stroke-opacity="0.7"/>`;
}

function niceStep(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].map((factor) => factor * power).find((nice) => nice >= step);
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
