/** Formats the findings of doctor. */
import { duration, oneLine, type Paint, paragraph } from '../output.js';
import type { Finding } from './finding.js';
import { firstEvent, type Observation } from './observation.js';

export interface Report {
  url?: string;
  stream?: string;
  folder?: string;
  installation?: string;
  findings: Finding[];
}

const COLOURS = { problem: 'red', warning: 'yellow', note: 'cyan' } as const;
const ORDER = Object.keys(COLOURS);

export function asText(report: Report, paint: Paint): string {
  const { url, stream, folder, installation } = report;
  const facts = [
    ...(url ? [`${paint('bold', oneLine(url))}\n  ${oneLine(stream ?? '')}`] : []),
    ...(folder ? [`${paint('bold', folder)}\n  ${installation}`] : []),
  ];
  const findings = [...report.findings].sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
  return [...facts, ...findings.map((finding) => findingText(finding, paint)), conclusion(report.findings, paint)].join(
    '\n\n',
  );
}

/** Our own text is shorter, and text from a server must not fill the screen. */
const MAX_TEXT = 4000;

function findingText({ level, seen, matters, remedy }: Finding, paint: Paint): string {
  const first = paragraph(oneLine(seen, MAX_TEXT), '  ', `${level}: `);
  return [
    first.replace(level, paint(COLOURS[level], level)),
    paragraph(oneLine(matters, MAX_TEXT), '    ', '  why '),
    paragraph(oneLine(remedy, MAX_TEXT), '    ', '  do  '),
  ].join('\n');
}

function conclusion(findings: Finding[], paint: Paint): string {
  const problems = findings.filter(({ level }) => level === 'problem').length;
  if (problems === 0) return paint('green', findings.length === 0 ? 'No findings.' : 'No problems.');
  return paint('red', problems === 1 ? '1 problem.' : `${problems} problems.`);
}

/** Describes a stream in one line. */
export function describeStream(seen: Observation): string {
  const { head } = seen;
  if (!head) return `no answer within ${duration(seen.timeoutMs)}`;
  const type = head.headers['content-type'];
  const first = firstEvent(seen);
  const parts = [
    `HTTP/${head.httpVersion}`,
    `${head.status}`,
    ...(type ? [oneLine(type)] : []),
    `answered after ${duration(head.atMs)}`,
    ...(first ? [`first event (${first.event.event}) after ${duration(first.atMs)}`] : []),
    ...(seen.waitMs > 0 ? [`watched for ${duration(seen.end?.atMs ?? seen.waitMs)}`] : []),
  ];
  return parts.join(', ');
}
