/** A rule that the fake of `ssekit/testing` shares with the addon: a program, and what it observes. */
import type { SSEService } from '../../index';
import type { FakeSSE, TestClient } from '../../ts/testing';
import { until } from '../support/until';

export interface Kit {
  SSEService: typeof SSEService;
  service: SSEService;
  /** The hub of the test: a fake, or the real one. */
  sse: FakeSSE;
}

export interface Case {
  /** The rule. */
  name: string;
  /** Returns what it has observed. */
  run(kit: Kit): unknown;
  /** Whether it leaves a hub as it was, so that the next one can have it. */
  changesNothing?: boolean;
  /** What must be observed. Without it, only both have to agree: error texts are held by other tests. */
  expected?: unknown;
}

/** What a call returns or throws. */
export function outcome(call: () => unknown): unknown {
  try {
    return { returned: call() };
  } catch (error) {
    return failure(error);
  }
}

export function failure(error: unknown): unknown {
  const { name, message, code } = error as NodeJS.ErrnoException;
  return { threw: name, code, message };
}

/** Names and data of the application's events. */
export const received = (client: TestClient): unknown[] =>
  client.received.map(({ event, data }) => `${event} ${JSON.stringify(data)}`);

/** Everything that a client has got, with its ids. */
export const everything = (client: TestClient): unknown => [client.notices, client.received, client.lastEventId];

/** Waits for what a listener is told: that comes soon after the fact. */
export const told = async (what: unknown[], count: number): Promise<unknown[]> => {
  await until('news for a listener', () => what.length >= count);
  return what;
};

/** The same observations, with names in place of what is random. */
export function masked(observed: unknown): unknown {
  const names = new Map<string, string>();
  const nameOf = (text: string, kind: string): string => {
    const name = names.get(text) ?? `${kind}${names.size + 1}`;
    names.set(text, name);
    return name;
  };
  const text = JSON.stringify(observed, (_, value) => (value === undefined ? '(undefined)' : value))
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => nameOf(id, 'uuid '))
    .replaceAll(/"member":"([0-9a-f]{16})"/g, (_, member) => `"member":"${nameOf(member, 'member ')}"`)
    .replaceAll(/\b[0-9a-hjkmnp-tv-z]{10}(?=\.\d)/g, (epoch) => nameOf(epoch, 'epoch '))
    .replaceAll(/~[0-9a-hjkmnp-tv-z]{16}\b/g, (key) => nameOf(key, '~key '));
  return JSON.parse(text);
}
