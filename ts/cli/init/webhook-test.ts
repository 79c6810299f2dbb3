/** A test of a webhook's route, for an app that has a test runner and such a route. */
import { scriptAt } from '../app/layout.js';
import { wanted } from '../app/manifest.js';
import type { NextApp } from '../app/next-app.js';
import type { SourceFinder } from './source-finder.js';
import type { Step } from './step.js';

/** The runners, with the modules that have their `test`. */
const RUNNERS = { vitest: 'vitest', jest: '@jest/globals' } as const;

type Runner = keyof typeof RUNNERS;

export function runnerOf({ folder }: NextApp): Runner | undefined {
  return (Object.keys(RUNNERS) as Runner[]).find((name) => wanted(folder, name) !== undefined);
}

/** The route's own test, beside it. Missing if there is nothing to test, or a test already. */
export function webhookTest(app: NextApp, sources: SourceFinder): Step | undefined {
  const runner = runnerOf(app);
  const route = sources.findAt(/(^|\/)app\/.*webhook.*\/route\.\w+$/, /\bexport (?:async )?function (POST)\b/, SENDS);
  if (!runner || !route) return undefined;
  const path = `${route.module}.test`;
  const existing = scriptAt(app.folder, path);
  if (existing !== undefined) return { path: existing, kind: 'keep' };
  return { path: `${path}.${app.language}`, kind: 'create', after: testFile(app, RUNNERS[runner]) };
}

const SENDS = /\.(sendToUser|sendToClient|sendToChannel|broadcast)\(/;

/** It says nothing of the route's events, which only the app knows, so it passes as it is. */
function testFile({ language }: NextApp, runner: string): string {
  const typed = language === 'ts';
  return `import { test } from '${runner}';
import { assertSentNothing, fakeSSE } from 'ssekit/testing';
import { POST } from './route';

const sse = fakeSSE();

/** A request of the service that calls this route. */
function webhook(payload${typed ? ': object' : ''})${typed ? ': never' : ''} {
  return new Request('http://localhost/', { method: 'POST', body: JSON.stringify(payload) })${typed ? ' as never' : ''};
}

test('a payload that says nothing tells nobody', async () => {
  try {
    await POST(webhook({}));
  } catch {
    // The route may also refuse it by an error.
  }
  assertSentNothing(sse);
});

// Send what the route knows, and say whom it must tell:
//   await POST(webhook({ event: 'payment.completed', userId: 'ada' }));
//   assertSentToUser(sse, 'ada', { event: 'payment-completed' });
`;
}
