/** Gives the events of a stream to the page's handlers, in order: one at a time, and none while the page fetches its state again. */
import type { Emitter } from './emitter.js';
import { causedBy, SSEClientError } from './error.js';
import type { ClientEvent, Reset } from './events.js';
import type { Block } from './parser.js';
import { withoutKey } from './request.js';
import { refetch } from './reset.js';
import type { SchemaResult, StandardSchema } from './schema.js';

/** As many ids are remembered. Only a server whose ids are not unique sends one again, and then soon. */
const IDS = 1_000;

/** The maximum number of waiting events, and of characters of their data: in the worst case, about 20 MB of a page's memory. */
export const EVENTS = 10_000;
const CHARACTERS = 10_000_000;

/** By event name. */
export type Schemas = Record<string, StandardSchema<unknown> | undefined>;

/** The reset in place of events that were too many to wait. */
export const OVERFLOW: Reset = { reason: 'overflow' };

export const overflown = (): SSEClientError =>
  new SSEClientError('reset', 'Too many events wait: fetch the state in `onReset`');

const sizeOf = ({ data = '' }: Block): number => data.length;

export interface Dispatcher {
  push(block: Block): void;
  /** The id of the last event that handlers have seen. */
  cursor(): string | undefined;
}

/**
 * Emits events by name, and as `*`. The handlers of `reset` among `notices` are those of `onReset`. Once the signal is aborted, it
 * dispatches nothing any more.
 */
export function createDispatcher(
  events: Emitter,
  notices: Emitter,
  schemas: Schemas,
  signal: AbortSignal,
  report: (error: SSEClientError) => void,
): Dispatcher {
  let queue: Block[] = [];
  let characters = 0;
  /** Of the last that came in. */
  let lastId: string | undefined;
  let isOverflowing = false;
  const isNew = createFilter();
  let isBusy = false;
  let cursor: string | undefined;

  async function run(): Promise<void> {
    isBusy = true;
    for (let block = queue.shift(); block && !signal.aborted; block = queue.shift()) {
      characters -= sizeOf(block);
      // Awaited only where there is something to wait for: events that arrive together are handled together.
      const waits = dispatch(block);
      if (waits) await waits;
      if (block.id !== undefined && !signal.aborted) cursor = withoutKey(block.id);
    }
    isBusy = isOverflowing = false;
  }

  /** Drops what waits. The page fetches its state once more instead, and then has missed nothing. */
  function overflow(): void {
    if (!isOverflowing) report(overflown());
    isOverflowing = true;
    queue = [];
    characters = 0;
    push({ name: 'ssekit:reset', data: JSON.stringify(OVERFLOW), id: lastId });
  }

  /** Returns what has to be waited for before the next one. */
  function dispatch({ name, data, id }: Block): Promise<void> | undefined | void {
    const isOwn = name.startsWith('ssekit:');
    // Only ssekit's own events may have the id of another: they stand for a position.
    if (data === undefined || (id && !isOwn && !isNew(id))) return;
    const unfit = (cause: unknown) => report(causedBy('data', `Event ${name} left out`, cause));
    const judge = (result: SchemaResult<unknown>) => {
      if (result.issues) return unfit(JSON.stringify(result.issues));
      const event: ClientEvent = { event: name, data: result.value, id: id ?? cursor ?? '' };
      events.emit(name, event.data, event);
      // Those without content are for connections: `ssekit:position` and `ssekit:heartbeat`.
      if (!signal.aborted && (!isOwn || data !== '{}')) events.emit('*', event.data, event);
    };
    try {
      const value = JSON.parse(data);
      const result = schemas[name]?.['~standard']?.validate(value) ?? { value };
      if ('then' in result) return result.then(judge).catch(unfit);
      judge(result);
      if (name === 'ssekit:reset') return refetch(events, notices, value, signal, report);
    } catch (cause) {
      unfit(cause);
    }
  }

  function push(block: Block): void {
    queue.push(block);
    characters += sizeOf(block);
    lastId = block.id ?? lastId;
    if (!isBusy) void run();
    else if (queue.length > EVENTS || characters > CHARACTERS) overflow();
  }

  return { push, cursor: () => cursor };
}

/** Returns a function that says whether an id is new to it. */
function createFilter(): (id: string) => boolean {
  const ids = new Set<string>();
  return (id) => {
    if (ids.has(id)) return false;
    const [oldest = ''] = ids;
    if (ids.size >= IDS) ids.delete(oldest);
    ids.add(id);
    return true;
  };
}
