/** How `ssekit tail` shows an event. */
import type { StreamEvent } from '../event-stream/parser.js';
import { type Paint, printable } from '../output.js';

/** For people: a line that says what and when, and the data below it. */
export function asText(event: StreamEvent, time: Date, paint: Paint): string {
  const id = event.lastEventId === '' ? '' : paint('dim', `  id ${printable(event.lastEventId)}`);
  const head = `${paint('dim', clock(time))}  ${paint('bold', printable(event.event))}${id}`;
  return [
    head,
    ...readable(event.data)
      .split('\n')
      .map((line) => `  ${line}`),
  ].join('\n');
}

/** For programs: one line of JSON. The data stays text, exactly as it came. */
export function asJson(event: StreamEvent, time: Date): string {
  const { event: name, lastEventId: id, data } = event;
  return JSON.stringify({ time: time.toISOString(), event: name, id, data });
}

function readable(data: string): string {
  try {
    return printable(JSON.stringify(JSON.parse(data), null, 2));
  } catch {
    return printable(data);
  }
}

/** The local time, to the millisecond. */
function clock(time: Date): string {
  const [hours, minutes, seconds] = [time.getHours(), time.getMinutes(), time.getSeconds()].map((n) => pad(n, 2));
  return `${hours}:${minutes}:${seconds}.${pad(time.getMilliseconds(), 3)}`;
}

function pad(number: number, width: number): string {
  return String(number).padStart(width, '0');
}
