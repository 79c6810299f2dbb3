/** Decides what to do in an app. Nothing is written here. */
import { join } from 'node:path';

import { configFileOf, DATA_FOLDER, scriptAt } from '../app/layout.js';
import { majorOf } from '../app/manifest.js';
import type { NextApp } from '../app/next-app.js';
import { readText } from '../app/read-text.js';
import type { Outcome } from '../source/edit.js';
import { loadIn } from '../source/instrumentation.js';
import { configSnippet, wrapConfig } from '../source/next-config.js';
import { confined } from './confine.js';
import { type Identify, identifyFor } from './identify.js';
import { ignoreFiles } from './ignore-files.js';
import { type Imports, importsOf, slashed } from './imports.js';
import { SourceFinder } from './source-finder.js';
import type { Step } from './step.js';
import {
  configFile,
  featureFile,
  inspectorFile,
  instrumentationFile,
  notificationsFile,
  routeFile,
  streamFile,
  WITHOUT_HOOKS,
} from './templates.js';
import { webhookTest } from './webhook-test.js';

export interface Plan {
  steps: Step[];
  /** The route's way of identifying the user; missing if there was a route already. */
  identify?: Identify;
}

export function planFor(app: NextApp): Plan {
  const imports = importsOf(app);
  const route = slashed(join(app.base, 'app/api/sse/route'));
  const sources = new SourceFinder(app.folder);
  const identify = identifyFor(app, sources, (module) => imports.specifier(module, route));
  const routeStep = ownFile(app, route, routeFile(app, identify), /\bcreateSSERoute\b|\.connect\(/);
  const feature = ownFile(app, `${imports.featureFolder}/index`, featureFile(app), /['"]ssekit['"]/);
  const steps = [
    ...(imports.step ? [imports.step] : []),
    feature,
    ...(usesFolder(app, feature) ? ignoreFiles(app.folder) : []),
    routeStep,
    ownFile(app, `${route.slice(0, -'route'.length)}inspector/route`, inspectorFile(app), /\bcreateInspectorRoute\b/),
    instrumentation(app, imports),
    config(app),
    ...components(app),
    ...[webhookTest(app, sources)].filter((step) => step !== undefined),
  ];
  return { steps: steps.map((step) => confined(app.folder, step)), ...(routeStep.kind === 'create' && { identify }) };
}

/** Whether the history will be in the folder. An app that has its own module for ssekit decides that itself. */
function usesFolder(app: NextApp, { kind, path }: Step): boolean {
  return kind !== 'keep' || read(app, path).includes(DATA_FOLDER);
}

/** A file that must be ours. An existing file is kept if it `looksRight`, and reported if not. */
function ownFile(app: NextApp, path: string, text: string, looksRight: RegExp): Step {
  const existing = scriptAt(app.folder, path);
  if (existing === undefined) return { path: `${path}.${app.language}`, kind: 'create', after: text };
  if (looksRight.test(read(app, existing))) return { path: existing, kind: 'keep' };
  return {
    path: existing,
    kind: 'refuse',
    say: 'another file is in this place. It should contain:',
    snippet: text,
  };
}

function instrumentation(app: NextApp, imports: Imports): Step {
  const path = slashed(join(app.base, 'instrumentation'));
  const specifier = imports.specifier(imports.featureFolder, path);
  const existing = scriptAt(app.folder, path);
  if (existing === undefined) {
    return { path: `${path}.${app.language}`, kind: 'create', after: instrumentationFile(specifier) };
  }
  const before = read(app, existing);
  const say = 'register loads ssekit';
  const snippet = instrumentationFile(specifier);
  return stepOf(existing, before, loadIn(before, specifier), { say, by: 'Let it load ssekit:', snippet });
}

function config(app: NextApp): Step {
  const path = configFileOf(app.folder);
  if (path === undefined) {
    const { name, text } = configFile(app);
    return { path: name, kind: 'create', after: text };
  }
  const before = read(app, path);
  const outcome: Outcome = path.endsWith('.cjs')
    ? { kind: 'refused', reason: 'Next.js does not read a config of this name. Rename it to next.config.js' }
    : wrapConfig(before);
  const say = 'wrapped with withSSE';
  return stepOf(path, before, outcome, { say, by: 'Wrap what it exports:', snippet: configSnippet(path) });
}

function stepOf(
  path: string,
  before: string,
  outcome: Outcome,
  texts: { say: string; by: string; snippet: string },
): Step {
  if (outcome.kind === 'done') return { path, kind: 'keep' };
  if (outcome.kind === 'changed') return { path, kind: 'change', before, after: outcome.text, say: texts.say };
  return { path, kind: 'refuse', say: `${outcome.reason}. ${texts.by}`, snippet: texts.snippet };
}

/** The oldest React whose hooks `ssekit/react` can use. Next.js 14 wants no older one either. */
const OLDEST_REACT = 18;

/** The provider of the stream, and a sample. An existing file in the place of either is just as good. */
function components(app: NextApp): Step[] {
  const files = { 'event-stream': streamFile(app), notifications: notificationsFile(app) };
  const steps = Object.entries(files).map(([name, after]) => component(app, name, after));
  if (!(majorOf(app.react) < OLDEST_REACT)) return steps;
  const kept = steps.filter(({ kind }) => kind === 'keep');
  if (kept.length > 0) return kept;
  const say = `ssekit/react needs React ${OLDEST_REACT} or newer, and the app has ${app.react}. Update React and run this again, or listen in a component of your own:`;
  return [{ path: (steps.at(-1) as Step).path, kind: 'refuse', say, snippet: WITHOUT_HOOKS }];
}

function component(app: NextApp, name: string, after: string): Step {
  const path = slashed(join(app.base, 'components', name));
  const existing = scriptAt(app.folder, path);
  if (existing !== undefined) return { path: existing, kind: 'keep' };
  return { path: `${path}.${app.language === 'ts' ? 'tsx' : 'jsx'}`, kind: 'create', after };
}

function read(app: NextApp, path: string): string {
  return readText(join(app.folder, path));
}
