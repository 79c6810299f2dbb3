/** `ssekit tail <url>`: prints the events of a stream as they come. */
import { MAX_EVENT_CHARACTERS } from '../event-stream/parser.js';
import { explain } from '../http/explain.js';
import { caughtUp, duration, oneLine, painter, say, sayJson, tell, withoutSecrets } from '../output.js';
import { atMostOne, CannotRun, EXIT, parseHeaders, parseUrl, parseUsage, UsageError } from '../usage.js';
import { withChannels } from './channels.js';
import { follow, type Notice } from './follow.js';
import { asText, forPrograms } from './print.js';

/** The first gives an idle page a newer id, the second shows it that the connection lives. They say nothing else. */
const IDLE = ['ssekit:position', 'ssekit:heartbeat'];

export async function tail(args: string[]): Promise<number> {
  const { values, positionals } = parseUsage({
    args,
    allowPositionals: true,
    options: {
      channel: { type: 'string', multiple: true },
      header: { type: 'string', multiple: true },
      'last-event-id': { type: 'string', default: '' },
      all: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const address = atMostOne('URL', positionals);
  if (address === undefined) throw new UsageError('URL: got none, wants the URL of a stream');
  const url = withChannels(parseUrl(address), values.channel);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  try {
    const options = {
      headers: parseHeaders(values.header),
      lastEventId: values['last-event-id'],
      signal: ended.signal,
    };
    return await show(follow(url, options), values);
  } catch (error) {
    const explanation = explain(error);
    if (!explanation) throw error;
    throw new CannotRun(`${withoutSecrets(address)}: ${explanation.seen}. ${explanation.remedy}`);
  }
}

async function show(notices: AsyncIterable<Notice>, { all, json }: { all: boolean; json: boolean }): Promise<number> {
  const paint = painter(process.stdout);
  for await (const notice of notices) {
    if (notice.kind === 'event') {
      const { event } = notice;
      if (IDLE.includes(event.event) && !all) continue;
      if (json) sayJson(forPrograms(event, new Date()));
      else say(asText(event, new Date(), paint));
      await caughtUp();
      continue;
    }
    tell(painter(process.stderr)('dim', `-- ${oneLine(describe(notice))}`));
    if (notice.kind === 'refused') return EXIT.problems;
  }
  return EXIT.ok;
}

function describe(notice: Exclude<Notice, { kind: 'event' }>): string {
  switch (notice.kind) {
    case 'open':
      return `connected to ${withoutSecrets(String(notice.url))} (HTTP/${notice.response.httpVersion})`;
    case 'dropped':
      return `left out an event of more than ${MAX_EVENT_CHARACTERS} characters`;
    case 'lost':
      return `${notice.reason}; reconnecting in ${duration(notice.waitMs)}`;
    case 'refused':
      return notice.reason;
  }
}
