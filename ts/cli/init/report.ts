/** Describes what `init` did. */
import type { NextApp } from '../app/next-app.js';
import { addCommand, runCommand } from '../app/package-manager.js';
import { type Paint, paragraph } from '../output.js';
import { unifiedDiff } from './diff.js';
import type { Plan } from './plan.js';
import type { Step } from './step.js';
import { runnerOf } from './webhook-test.js';

const DONE = { create: 'created', change: 'changed', keep: 'kept', refuse: 'by hand' } as const;
const WOULD = { create: 'create', change: 'change', keep: 'keep', refuse: 'by hand' } as const;
const COLOURS = { create: 'green', change: 'green', keep: 'dim', refuse: 'yellow' } as const;

export function describeApp(app: NextApp): string {
  const language = app.language === 'ts' ? 'TypeScript' : 'JavaScript';
  const router = `App Router in ${app.base === '' ? 'app' : `${app.base}/app`}`;
  return `Next.js ${app.version ?? '(unknown version)'}, ${router}, ${language}, ${app.manager}`;
}

export function describeSteps({ steps }: Plan, isDryRun: boolean, paint: Paint): string {
  const width = Math.max(...steps.map(({ path }) => path.length));
  const lines = steps.map((step) => {
    const word = (isDryRun ? WOULD : DONE)[step.kind].padEnd(7);
    const said = step.kind === 'keep' ? 'already in place' : step.kind === 'refuse' ? 'see below' : step.say;
    return `  ${paint(COLOURS[step.kind], word)}  ${step.path.padEnd(width)}  ${said ?? ''}`.trimEnd();
  });
  return [...lines, ...steps.filter(({ kind }) => kind === 'refuse').map(byHand)].join('\n');
}

function byHand({ path, say, snippet }: Step): string {
  const lines = (snippet ?? '').trimEnd().split('\n');
  return ['', paragraph(`${path}: ${say}`, '  ', ''), '', ...lines.map((line) => `    ${line}`.trimEnd())].join('\n');
}

export function diffOf({ steps }: Plan): string {
  const written = steps.filter(({ after }) => after !== undefined);
  return written.map(({ path, before, after }) => unifiedDiff(path, before, after as string)).join('\n');
}

/** The next steps, with the commands of the app's own package manager. */
export function nextSteps(app: NextApp, { steps, identify }: Plan): string {
  const pathOf = (module: string): string => steps.find(({ path }) => path.includes(`${module}.`))?.path ?? module;
  const hasSample = steps.some(({ path, kind }) => path.includes('components/notifications.') && kind !== 'refuse');
  const sample = `Put <Notifications /> from ${pathOf('components/notifications')} into a page, inside <EventStream> from ${pathOf('components/event-stream')}.`;
  const test = steps.find(({ path }) => path.includes('.test.'))?.path;
  const tests = `${test ? `Say in ${test} what your webhook sends` : 'Test what you send: fakeSSE of ssekit/testing'}; see docs/testing.md of ssekit.`;
  const curl = 'curl -N http://localhost:3000/api/sse';
  const event = "{ event: 'notification', data: { message: 'hello' } }";
  const todo = [
    ...(app.hasPackage ? [] : [addCommand(app.manager, 'ssekit')]),
    ...(app.react === undefined
      ? [`${addCommand(app.manager, 'react react-dom')} (ssekit/react needs React 18 or newer)`]
      : []),
    ...(identify ? [`${pathOf('api/sse/route')}: ${identify.advice}`] : []),
    ...(hasSample ? [sample] : []),
    `Send from anywhere on the server: SSEService.getInstance().sendToUser(${identify?.isOpen ? "'demo'" : 'userId'}, ${event})`,
    runCommand(app.manager, 'dev'),
    identify?.isOpen ? curl : `${curl} -H 'Cookie: …' (the cookie of a signed-in user)`,
    'Check the stream: npx ssekit doctor http://localhost:3000/api/sse',
    'See who is connected and what is sent: http://localhost:3000/api/sse/inspector',
    ...(runnerOf(app) ? [tests] : []),
  ];
  return ['Next:', ...todo.map((text, index) => paragraph(text, '     ', `  ${index + 1}. `))].join('\n');
}
