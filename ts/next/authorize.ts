/** Asks the app which channels a page may read. */
import { native } from '../server/binding.js';

/** The client that asks for a channel. */
export interface Subscriber {
  /** Its id; undefined if the stream will get a new one. A request to change a stream's channels only claims this id so far. */
  clientId?: string;
  /** Its user; `null` for an anonymous client. */
  userId: string | null;
}

/** Decides whether a page may subscribe to a channel. */
export type Authorize = (channel: string, client: Subscriber, request: Request) => boolean | Promise<boolean>;

/** Returns the channels that the app grants. It is asked once about each, about all at the same time. An error is a refusal. */
export async function grantedOf(
  channels: string[],
  client: Subscriber,
  request: Request,
  authorize: Authorize | undefined,
): Promise<Set<string>> {
  if (!authorize) return new Set();
  const verdicts = await Promise.allSettled(
    channels.map(async (channel) => authorize(channel, { ...client }, request)),
  );
  reportFailures(channels, verdicts);
  const isGranted = (index: number): boolean => {
    const verdict = verdicts[index];
    return verdict?.status === 'fulfilled' && verdict.value === true;
  };
  return new Set(channels.filter((_, index) => isGranted(index)));
}

/** One report for each request, because a page decides how many channels it asks for. */
function reportFailures(channels: string[], verdicts: PromiseSettledResult<boolean>[]): void {
  const first = verdicts.findIndex(({ status }) => status === 'rejected');
  const failed = verdicts[first];
  if (failed?.status !== 'rejected') return;
  const count = verdicts.filter(({ status }) => status === 'rejected').length;
  const others = count > 1 ? ` and ${count - 1} more` : '';
  const channel = JSON.stringify(channels[first]);
  native().reportProblem(`authorize failed for the channel ${channel}${others}: ${messageOf(failed.reason)}`);
}

function messageOf(error: unknown): string {
  const message = (error as Partial<Error> | null | undefined)?.message;
  return typeof message === 'string' ? message : typeof error;
}
