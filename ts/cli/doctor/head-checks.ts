/** Checks the head of the response. */
import { wantsTicket } from '../http/ticket.js';
import { duration } from '../output.js';
import { type Finding, note, problem, warning } from './finding.js';
import { type Head, isStream, type Observation } from './observation.js';
import { proxyName, remedyFor } from './proxy.js';

export function checkHead(seen: Observation): Finding[] {
  if (!seen.head) return [noAnswer(seen)];
  const refusal = checkStatus(seen.head) ?? checkType(seen.head);
  const redirect = checkRedirects(seen, refusal !== undefined);
  if (refusal) return [...redirect, refusal];
  return [...redirect, ...checkFields(seen.head), ...checkProtocol(seen.url, seen.head)];
}

function noAnswer({ timeoutMs, headAlone }: Observation): Finding {
  const seen = `No answer came within ${duration(timeoutMs)}`;
  if (headAlone && isStream(headAlone)) {
    return problem(
      'buffered',
      `${seen}, but a HEAD request was answered after ${duration(headAlone.atMs)}. Something between here and the app holds the stream back.`,
      'Events come late and in bursts, or never: the proxy waits until its buffer is full.',
      remedyFor('buffering', headAlone.headers),
    );
  }
  return problem(
    'no-answer',
    `${seen}.`,
    'A page waits just as long, and gets no event.',
    'Ask the app directly, without the proxy. If it answers, the proxy buffers the response: switch buffering off there. If not, find out what “identify” waits for. In development, Next.js may still be compiling the route: try again.',
  );
}

function checkRedirects({ redirects }: Observation, isFatal: boolean): Finding[] {
  const [first] = redirects;
  const last = redirects.at(-1);
  if (!first || !last) return [];
  const seen = `The request was redirected (${first.status}) to ${last.to}.`;
  if (!isFatal) {
    const matters = 'Each connect and reconnect takes an extra round trip.';
    return [note('redirected', seen, matters, 'Let pages open the final URL directly.')];
  }
  const remedy =
    'If that is the log-in page, pass your session: --header "Cookie: …". For an API, let the middleware answer 401 instead of redirecting. A slash at the end of the URL is another frequent cause.';
  return [
    problem('redirected', seen, 'EventSource follows the redirect, and gives up on what it finds there.', remedy),
  ];
}

const GIVES_UP = 'EventSource gives up and does not reconnect.';

function checkStatus({ status, headers }: Head): Finding | undefined {
  if (status === 200) return undefined;
  const [id, matters, remedy] = refusalOf(status, headers);
  return problem(id, `The answer is ${status}.`, `${GIVES_UP} ${matters}`.trim(), remedy);
}

function refusalOf(status: number, headers: Head['headers']): Refusal {
  if (wantsTicket(status, headers)) return REFUSALS.ticket;
  if (status === 401 || status === 403) return REFUSALS.unauthorized;
  if (status === 204) return REFUSALS.noContent;
  if (status === 404) return REFUSALS.notFound;
  // A proxy's answer for an app that is down seldom says when to come back.
  if (status === 429 || (status === 503 && headers['retry-after'])) return REFUSALS.limits;
  return status >= 500 ? REFUSALS.serverError : REFUSALS.other;
}

type Refusal = [id: string, matters: string, remedy: string];

const REFUSALS = {
  unauthorized: [
    'unauthorized',
    'The app does not know the user.',
    'In a new route, fill in “identify” first. To examine the stream of a signed-in user, pass the cookie that the browser’s developer tools show: --header "Cookie: …". If a signed-in page is refused, check whether the session’s cookie reaches this path.',
  ],
  ticket: [
    'ticket',
    'The server wants a ticket.',
    'Get one from the app’s ticket route, and add it to the address: ?ticket=…. If you have done so, it has expired, or was made with another secret or key.',
  ],
  noContent: ['no-content', '', 'Answer with 200 and a stream, unless you want pages to stop.'],
  notFound: [
    'not-found',
    '',
    'Check the path: app/api/sse/route.ts is served at /api/sse, after the “basePath” of next.config if there is one.',
  ],
  limits: [
    'refused',
    'Too many streams.',
    'Check the option “limits” and stats().refusals. Behind a proxy, all clients have one address unless “identify” returns another. If ssekit did not refuse, check the limits of the proxy.',
  ],
  serverError: ['server-error', '', 'Look at the logs of the app and of the proxy in front of it.'],
  other: ['status', '', 'A stream needs the status 200. Find out what answers here.'],
} satisfies Record<string, Refusal>;

function checkType(head: Head): Finding | undefined {
  if (isStream(head)) return undefined;
  const type = head.headers['content-type'];
  return problem(
    'content-type',
    `The content type is ${type ?? 'missing'}, not text/event-stream.`,
    'EventSource refuses it and does not reconnect.',
    type?.startsWith('text/html')
      ? 'This is a page. Check the path, and whether a middleware sends everybody to a log-in page.'
      : 'Answer with createSSERoute, which sets the type, and make sure that nothing on the way replaces it.',
  );
}

function checkFields(head: Head): Finding[] {
  return [checkCoding, checkLength, checkTransform, checkAccel].flatMap((check) => check(head) ?? []);
}

function checkCoding({ headers }: Head): Finding | undefined {
  const coding = headers['content-encoding'];
  if (!coding || coding === 'identity') return undefined;
  const matters = 'Compression waits for enough data, so events come late, in bursts or not at all.';
  const seen = `The stream is compressed (Content-Encoding: ${coding}).`;
  return problem('compressed', seen, matters, remedyFor('compression', headers));
}

function checkLength({ headers }: Head): Finding | undefined {
  const length = headers['content-length'];
  if (!length) return undefined;
  const matters = 'A stream has no length. Everything after that many bytes is lost.';
  const remedy = 'Find out what sets it: a cache, or a proxy that buffers the response.';
  return problem('content-length', `The answer has a Content-Length (${length}).`, matters, remedy);
}

function checkTransform({ headers }: Head): Finding | undefined {
  const control = headers['cache-control'] ?? '';
  if (/\bno-transform\b/i.test(control)) return undefined;
  const matters = 'Without it, Next.js, proxies and CDNs may compress the stream.';
  const remedy = 'ssekit sends it. Find out what replaces the header: “headers” in next.config, a middleware, a proxy.';
  return warning('no-transform', `Cache-Control is “${control}”, without no-transform.`, matters, remedy);
}

function checkAccel({ headers }: Head): Finding | undefined {
  // nginx obeys this header and does not pass it on.
  if (headers['x-accel-buffering'] || proxyName(headers) === 'nginx') return undefined;
  const matters = 'This header tells nginx and similar proxies not to buffer the response.';
  const remedy = 'ssekit sends it. Find out what removes it. nginx does so after obeying it.';
  return warning('x-accel-buffering', 'There is no X-Accel-Buffering header.', matters, remedy);
}

function checkProtocol(url: URL, { httpVersion, headers }: Head): Finding[] {
  if (httpVersion === '2') return [];
  if (httpVersion === '1.0') {
    return [
      warning(
        'http-1.0',
        'The answer is HTTP/1.0.',
        'In HTTP/1.0, a response ends only with its connection, and many proxies buffer it.',
        'Let the proxy use HTTP/1.1 (nginx: “proxy_http_version 1.1;”).',
      ),
    ];
  }
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  const connection = headers.connection ? ` (Connection: ${headers.connection})` : '';
  const remedy = isLocal
    ? 'In development, nothing. In production, let the proxy in front of the app offer HTTP/2, which needs TLS.'
    : 'Let the proxy in front of the app offer HTTP/2 to browsers, which needs TLS (nginx: “listen 443 ssl; http2 on;”).';
  return [
    note(
      'http-1.1',
      `The stream uses HTTP/1.1${connection}.`,
      'Over HTTP/1.1, a browser opens six connections per origin, in all tabs together. With six streams open, every other request to the site waits. The tabs of ssekit/client share one; those of EventSource do not.',
      remedy,
    ),
  ];
}
