/** Formats an event for `ssekit tail`. */
import type { StreamEvent } from '../event-stream/parser.js';
import { oneLine, type Paint, shortened } from '../output.js';

/** For people: a line with the time and the event, and the data below it. */
export function asText(event: StreamEvent, time: Date, paint: Paint): string {
  const id = event.lastEventId === '' ? '' : paint('dim', `  id ${oneLine(event.lastEventId)}`);
  const head = `${paint('dim', clock(time))}  ${paint('bold', oneLine(event.event))}${id}`;
  return [
    head,
    ...readable(event.data)
      .split('\n')
      .map((line) => `  ${line}`),
  ].join('\n');
}

/** For programs, to be printed as one line of JSON. The data stays text, exactly as it arrived. */
export function forPrograms(event: StreamEvent, time: Date): Record<string, string> {
  const { event: name, lastEventId: id, data } = event;
  return { time: time.toISOString(), event: name, id, data };
}

/** Nobody reads more of one event in a terminal. */
const MAX_SHOWN = 65_536;

/** Indentation lengthens a text by its depth, so deeper data stays as it is. */
const MAX_DEPTH = 50;

function readable(data: string): string {
  if (data.length > MAX_SHOWN) return shortened(data, MAX_SHOWN);
  try {
    const value: unknown = JSON.parse(data);
    return isDeeper(value, MAX_DEPTH) ? data : JSON.stringify(value, null, 2);
  } catch {
    return data;
  }
}

/** Whether values are nested more than `depth` levels deep. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isDeeper(inner, depth - 1));
}

/** The local time, to the millisecond. */
function clock(time: Date): string {
  const [hours, minutes, seconds] = [time.getHours(), time.getMinutes(), time.getSeconds()].map((n) => pad(n, 2));
  return `${hours}:${minutes}:${seconds}.${pad(time.getMilliseconds(), 3)}`;
}

function pad(number: number, width: number): string {
  return String(number).padStart(width, '0');
}
