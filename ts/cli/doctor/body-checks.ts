/** Checks the timing of the stream. */
import { duration } from '../output.js';
import { type Finding, note, problem, warning } from './finding.js';
import { firstEvent, isStream, type Observation, READY } from './observation.js';
import { mend } from './proxy.js';

/** ssekit writes the head and the first event together. */
const LATE_MS = 1000;

/** Shorter silence before the end does not count as idle. */
const IDLE_MS = 500;

/** ssekit's default heartbeat. */
const HEARTBEAT_MS = 25_000;

export function checkBody(seen: Observation): Finding[] {
  if (!seen.head || !isStream(seen.head)) return [];
  const checks = [checkFirstEvent, checkCarrier, checkBursts, checkEnd, checkHeartbeats];
  return checks.flatMap((check) => check(seen) ?? []);
}

const HELD_BACK = 'Something between here and the app collects the response, and every event will be late.';

function checkFirstEvent(seen: Observation): Finding | undefined {
  const { head, timeoutMs } = seen;
  const first = firstEvent(seen);
  if (!first) {
    // The end of the stream says more.
    if (seen.end) return undefined;
    const what = `The answer began, but no event came within ${duration(timeoutMs)}.`;
    const remedy = `${mend('buffering', head?.headers)} If this is not ssekit’s stream, it may just have nothing to say.`;
    return problem('silent', what, `ssekit sends ${READY} together with the head. ${HELD_BACK}`, remedy);
  }
  const late = first.atMs - (head?.atMs ?? 0);
  if (late > LATE_MS) {
    const what = `The first event came ${duration(late)} after the head of the response.`;
    return problem('late', what, `ssekit sends both together. ${HELD_BACK}`, mend('buffering', head?.headers));
  }
  if (first.event.event === READY) return undefined;
  const matters = `ssekit’s streams begin with ${READY}. Of other servers’ heartbeats and headers doctor knows nothing.`;
  return note(
    'not-ssekit',
    `The first event is “${first.event.event}”.`,
    matters,
    'Check the path, if this was to be ssekit.',
  );
}

function checkCarrier({ isCarriedByNode }: Observation): Finding | undefined {
  if (!isCarriedByNode) return undefined;
  const remedy =
    'Ask the server why: SSEService.getInstance().stats().notHandedOff counts the reasons, and docs/troubleshooting.md has a remedy for each. The usual ones: ssekit is not loaded when the server starts (see instrumentation in docs/setting-up.md), or a middleware replaces “res.write”.';
  return warning(
    'not-handed-off',
    'The stream was not handed off: Node.js carries it.',
    'It works, but takes more memory and time, and it holds up a server that is to stop.',
    remedy,
  );
}

/** A heartbeat is sent only after silence, so two of them never leave together. */
function checkBursts({ body, head }: Observation): Finding | undefined {
  const burst = body.find(({ comments }) => comments > 1);
  if (!burst) return undefined;
  return problem(
    'bursts',
    `${burst.comments} heartbeats arrived in one moment, and there is silence between any two when they are sent.`,
    HELD_BACK,
    mend('buffering', head?.headers),
  );
}

function checkEnd({ body, head, end }: Observation): Finding | undefined {
  if (!end) return undefined;
  const how = end.error ? `broke off (${end.error})` : 'was ended';
  const last = body.at(-1);
  const idle = end.atMs - (last?.atMs ?? head?.atMs ?? 0);
  if (last && idle >= IDLE_MS) {
    const remedy = `${mend('idle', head?.headers)} Or let ssekit write more often: SSEService.configure({ heartbeatMs: ${heartbeatBelow(idle)} }).`;
    return problem(
      'idle-timeout',
      `The stream ${how} after ${duration(idle)} without a byte.`,
      'Something on the way ends connections that are idle for so long. Pages reconnect, again and again.',
      remedy,
    );
  }
  const remedy =
    'If the platform limits how long a response may take (serverless functions do), run the app where a process stays: next start, standalone, a container. Else see the logs of the app and of the proxy.';
  return problem(
    'ended',
    `The stream ${how} after ${duration(end.atMs)}.`,
    'ssekit ends a stream only when its user is disconnected or the app stops. Pages reconnect, again and again.',
    remedy,
  );
}

function heartbeatBelow(idleMs: number): number {
  return Math.max(100, Math.min(15_000, Math.floor(idleMs / 2 / 100) * 100));
}

function checkHeartbeats({ body, head, end, waitMs }: Observation): Finding | undefined {
  const quietest = Math.max(0, ...silences([head?.atMs ?? 0, ...body.map(({ atMs }) => atMs), waitMs]));
  if (end || quietest < HEARTBEAT_MS * 1.2 || body.some(({ comments }) => comments > 0)) return undefined;
  return warning(
    'no-heartbeat',
    `For ${duration(quietest)} nothing came, and no heartbeat at all.`,
    'ssekit writes one after 25 s of silence, so that proxies keep the connection. Something may be holding them back.',
    `If “heartbeatMs” is configured longer, wait longer than that: --wait. Else: ${mend('buffering', head?.headers)}`,
  );
}

function silences(moments: number[]): number[] {
  return moments.slice(1).map((moment, index) => moment - (moments[index] as number));
}
