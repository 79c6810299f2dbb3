/** Checks the timing of the stream. */
import { duration } from '../output.js';
import { type Finding, note, problem, warning } from './finding.js';
import { firstEvent, isStream, type Observation, READY } from './observation.js';
import { remedyFor } from './proxy.js';

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

const HELD_BACK = 'Something between here and the app buffers the response, so every event will be late.';

function checkFirstEvent(seen: Observation): Finding | undefined {
  const { head, timeoutMs } = seen;
  const first = firstEvent(seen);
  if (!first) {
    // The end of the stream says more.
    if (seen.end) return undefined;
    const what = `The response began, but no event came within ${duration(timeoutMs)}.`;
    const remedy = `${remedyFor('buffering', head?.headers)} If this is not a stream of ssekit, it may have nothing to send yet.`;
    return problem('silent', what, `ssekit sends ${READY} together with the head. ${HELD_BACK}`, remedy);
  }
  const late = first.atMs - (head?.atMs ?? 0);
  if (late > LATE_MS) {
    const what = `The first event came ${duration(late)} after the head of the response.`;
    return problem('late', what, `ssekit sends both together. ${HELD_BACK}`, remedyFor('buffering', head?.headers));
  }
  if (first.event.event === READY) return undefined;
  const matters = `Streams of ssekit begin with ${READY}. Doctor does not know the heartbeats and headers of other servers.`;
  return note(
    'not-ssekit',
    `The first event is “${first.event.event}”.`,
    matters,
    'If you expected ssekit here, check the path.',
  );
}

function checkCarrier({ isCarriedByNode }: Observation): Finding | undefined {
  if (!isCarriedByNode) return undefined;
  const remedy =
    'SSEService.getInstance().stats().notHandedOff counts the reasons, and docs/troubleshooting.md has a remedy for each. The usual ones: ssekit is not loaded when the server starts (see instrumentation in docs/setting-up.md), or a middleware replaces “res.write”.';
  return warning(
    'not-handed-off',
    'The stream was not handed off: Node.js carries it.',
    'It works, but it takes more memory and time, and it delays a server that shuts down.',
    remedy,
  );
}

/** A heartbeat is sent only after silence, so two of them never leave together. */
function checkBursts({ body, head }: Observation): Finding | undefined {
  const burst = body.find(({ comments }) => comments > 1);
  if (!burst) return undefined;
  return problem(
    'bursts',
    `${burst.comments} heartbeats arrived at once, but ssekit sends each only after a silence.`,
    HELD_BACK,
    remedyFor('buffering', head?.headers),
  );
}

function checkEnd({ body, head, end }: Observation): Finding | undefined {
  if (!end) return undefined;
  const how = end.error ? `broke (${end.error})` : 'ended';
  const last = body.at(-1);
  const idle = end.atMs - (last?.atMs ?? head?.atMs ?? 0);
  if (last && idle >= IDLE_MS) {
    const remedy = `${remedyFor('idle', head?.headers)} Or make ssekit write more often: SSEService.configure({ heartbeatMs: ${heartbeatBelow(idle)} }).`;
    return problem(
      'idle-timeout',
      `The stream ${how} after ${duration(idle)} without a byte.`,
      'Something on the way closes connections that are idle for that long. Pages reconnect again and again.',
      remedy,
    );
  }
  const remedy =
    'If the platform limits the duration of a response (serverless functions do), run the app as a long-lived process: next start, standalone, a container. Otherwise, look at the logs of the app and of the proxy.';
  return problem(
    'ended',
    `The stream ${how} after ${duration(end.atMs)}.`,
    'ssekit ends a stream only when the app disconnects its user or stops. Pages reconnect again and again.',
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
    `Nothing came for ${duration(quietest)}, not even a heartbeat.`,
    'By default, ssekit sends one after 25 s of silence, so that proxies keep the connection. Something may hold them back.',
    `If your “heartbeatMs” is longer, set --wait to more than that. Otherwise: ${remedyFor('buffering', head?.headers)}`,
  );
}

function silences(moments: number[]): number[] {
  return moments.slice(1).map((moment, index) => moment - (moments[index] as number));
}
