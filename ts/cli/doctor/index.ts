/** `ssekit doctor [url]`: says what is wrong with a stream, and how to fix it. */
import { explain } from '../http/explain.js';
import { painter, say, sayJson, withoutSecrets } from '../output.js';
import { atMostOne, CannotRun, EXIT, parseHeaders, parseSeconds, parseUrl, parseUsage, UsageError } from '../usage.js';
import { checkBody } from './body-checks.js';
import { type Finding, problem } from './finding.js';
import { checkHead } from './head-checks.js';
import { checkInstallation, describeInstallation, isApp } from './installation.js';
import { type ObserveOptions, observe } from './observe.js';
import { asText, describeStream, type Report } from './report.js';

const DEFAULT_TIMEOUT_SECONDS = 10;

export async function doctor(args: string[]): Promise<number> {
  const { values, positionals } = parseUsage({
    args,
    allowPositionals: true,
    options: {
      header: { type: 'string', multiple: true },
      wait: { type: 'string' },
      timeout: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const address = atMostOne('URL', positionals);
  const folder = process.cwd();
  if (address === undefined && !isApp(folder))
    throw new UsageError('URL: got none, wants the URL of a stream. There is no app in this folder to examine.');
  const options = {
    headers: parseHeaders(values.header),
    timeoutMs: (parseSeconds('--timeout', values.timeout) ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
    waitMs: (parseSeconds('--wait', values.wait) ?? 0) * 1000,
  };
  const stream = address === undefined ? undefined : await examine(parseUrl(address), options);
  const installation = isApp(folder) ? { folder, installation: describeInstallation(folder) } : undefined;
  const findings = [...(stream?.findings ?? []), ...(installation ? checkInstallation(folder) : [])];
  const report: Report = { ...stream, ...installation, findings };
  const isOk = findings.every(({ level }) => level !== 'problem');
  if (values.json) sayJson({ ok: isOk, ...report }, 2);
  else say(asText(report, painter(process.stdout)));
  return isOk ? EXIT.ok : EXIT.problems;
}

async function examine(
  url: URL,
  options: ObserveOptions,
): Promise<{ url: string; stream: string; findings: Finding[] }> {
  const shown = withoutSecrets(String(url));
  try {
    const seen = await observe(url, options);
    return {
      url: withoutSecrets(String(seen.url)),
      stream: describeStream(seen),
      findings: [...checkHead(seen), ...checkBody(seen)],
    };
  } catch (error) {
    const explanation = explain(error);
    if (!explanation) throw error;
    if (!explanation.isServersFault) throw new CannotRun(`${shown}: ${explanation.seen}. ${explanation.remedy}`);
    const finding = problem(
      'connection',
      `${explanation.seen}.`,
      'A browser cannot connect, either.',
      explanation.remedy,
    );
    return { url: shown, stream: 'no answer', findings: [finding] };
  }
}
