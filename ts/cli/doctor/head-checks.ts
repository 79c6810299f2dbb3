/** Checks the head of the response. */
import { duration } from '../output.js';
import { type Finding, note, problem, warning } from './finding.js';
import { type Head, isStream, type Observation } from './observation.js';
import { mend, proxyName } from './proxy.js';

export function checkHead(seen: Observation): Finding[] {
  if (!seen.head) return [noAnswer(seen)];
  const refusal = checkStatus(seen.head) ?? checkType(seen.head);
  const redirect = checkRedirects(seen, refusal !== undefined);
  if (refusal) return [...redirect, refusal];
  return [...redirect, ...checkFields(seen.head), ...checkProtocol(seen.url, seen.head)];
}

function noAnswer({ timeoutMs, headAlone }: Observation): Finding {
  const seen = `There was no answer within ${duration(timeoutMs)}`;
  if (headAlone && isStream(headAlone)) {
    return problem(
      'buffered',
      `${seen}, though a HEAD request was answered after ${duration(headAlone.atMs)}: something between here and the app holds the stream back.`,
      'Events come late and in heaps, or never: the proxy waits for its buffer to fill.',
      mend('buffering', headAlone.headers),
    );
  }
  return problem(
    'no-answer',
    `${seen}.`,
    'A page waits as long, and gets no event.',
    'See whether the app answers when it is asked directly. If it does, a proxy collects its response: switch buffering off there. If not, see what “identify” waits for.',
  );
}

function checkRedirects({ redirects }: Observation, isFatal: boolean): Finding[] {
  const [first] = redirects;
  const last = redirects.at(-1);
  if (!first || !last) return [];
  const seen = `The request was redirected (${first.status}) to ${last.to}.`;
  if (!isFatal) {
    const matters = 'Each connect and each reconnect takes a round trip more.';
    return [note('redirected', seen, matters, 'Let pages open the last address at once.')];
  }
  const remedy =
    'If that is the log-in page, pass what you are known by: --header "Cookie: …". For an API, let the middleware answer 401 instead of redirecting. A slash at the end is often the reason, too.';
  return [problem('redirected', seen, 'EventSource follows, and gives up at what it finds there.', remedy)];
}

const GIVES_UP = 'EventSource takes it for final: it gives up and does not reconnect.';

function checkStatus({ status, headers }: Head): Finding | undefined {
  if (status === 200) return undefined;
  const [id, matters, remedy] = refusalOf(status, headers);
  return problem(id, `The answer is ${status}.`, `${GIVES_UP} ${matters}`.trim(), remedy);
}

function refusalOf(status: number, headers: Head['headers']): Refusal {
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
    'The app does not know who asks.',
    'In a new route “identify” has to be filled in first. If it is right to refuse, pass what a signed-in page sends: --header "Cookie: …", as the browser’s developer tools show it. Else see why it does not know the user: does the session’s cookie reach this path?',
  ],
  noContent: ['no-content', '', 'Answer 200 and a stream, unless there shall be none.'],
  notFound: [
    'not-found',
    '',
    'Check the path: app/api/sse/route.ts is /api/sse, behind “basePath” if next.config has one.',
  ],
  limits: [
    'refused',
    'Too many streams.',
    'See “limits” in the options, and stats().refusals. Behind a proxy all clients come from one address unless “identify” gives another. If it is not ssekit that refuses, see the limits of the proxy.',
  ],
  serverError: ['server-error', '', 'See the log of the app, and of the proxy before it.'],
  other: ['status', '', 'A stream is answered with 200. See what answers here.'],
} satisfies Record<string, Refusal>;

function checkType(head: Head): Finding | undefined {
  if (isStream(head)) return undefined;
  const type = head.headers['content-type'];
  return problem(
    'content-type',
    `The answer is ${type ? `of type ${type}` : 'of no type'}, not text/event-stream.`,
    'EventSource refuses it, and does not reconnect.',
    type?.startsWith('text/html')
      ? 'This is a page: check the path, and whether a middleware sends everybody to a log-in page.'
      : 'Answer with createSSERoute, which sets it, and see that nothing on the way replaces it.',
  );
}

function checkFields(head: Head): Finding[] {
  return [checkCoding, checkLength, checkTransform, checkAccel].flatMap((check) => check(head) ?? []);
}

function checkCoding({ headers }: Head): Finding | undefined {
  const coding = headers['content-encoding'];
  if (!coding || coding === 'identity') return undefined;
  const matters = 'What compresses waits until there is enough to compress: events come late, in heaps or not at all.';
  const seen = `The stream is compressed (Content-Encoding: ${coding}).`;
  return problem('compressed', seen, matters, mend('compression', headers));
}

function checkLength({ headers }: Head): Finding | undefined {
  const length = headers['content-length'];
  if (!length) return undefined;
  const matters = 'A stream has no length: what comes after so many bytes is lost.';
  const remedy = 'See what sets it: a cache, or a proxy that collects the response.';
  return problem('content-length', `The answer has a Content-Length (${length}).`, matters, remedy);
}

function checkTransform({ headers }: Head): Finding | undefined {
  const control = headers['cache-control'] ?? '';
  if (/\bno-transform\b/i.test(control)) return undefined;
  const matters = 'Without it, compression in Next.js, proxies and CDNs may take hold of the stream.';
  const remedy = 'ssekit sends it: see what replaces the header (“headers” in next.config, a middleware, a proxy).';
  return warning('no-transform', `Cache-Control is “${control}”, without no-transform.`, matters, remedy);
}

function checkAccel({ headers }: Head): Finding | undefined {
  // nginx obeys this header and does not pass it on.
  if (headers['x-accel-buffering'] || proxyName(headers) === 'nginx') return undefined;
  const matters = 'It is what tells nginx, and others that learned it from there, not to collect the response.';
  const remedy = 'ssekit sends it: see what removes it. If there is an nginx further on, that is where it goes.';
  return warning('x-accel-buffering', 'There is no X-Accel-Buffering header.', matters, remedy);
}

function checkProtocol(url: URL, { httpVersion, headers }: Head): Finding[] {
  if (httpVersion === '2') return [];
  if (httpVersion === '1.0') {
    return [
      warning(
        'http-1.0',
        'The answer is HTTP/1.0.',
        'There a response has no end but that of its connection, and many proxies collect it.',
        'Let the proxy speak HTTP/1.1 (nginx: “proxy_http_version 1.1;”).',
      ),
    ];
  }
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  const connection = headers.connection ? ` (Connection: ${headers.connection})` : '';
  const remedy = isLocal
    ? 'Nothing, in development. In production, let what stands in front of the app speak HTTP/2, which needs TLS.'
    : 'Let what stands in front of the app speak HTTP/2 to browsers: it needs TLS (nginx: “listen 443 ssl; http2 on;”).';
  return [
    note(
      'http-1.1',
      `The stream comes over HTTP/1.1${connection}.`,
      'A browser has six connections per origin then, over all tabs: with six streams open, every further request of the site waits.',
      remedy,
    ),
  ];
}
