/** Examines ssekit in an app's folder, for facts that no answer of its server shows. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { baseOf, configFileOf, isNextApp, scriptAt } from '../app/layout.js';
import { ancestors, installedAt, majorOf, readManifest, versionOf, wanted } from '../app/manifest.js';
import { addCommand, packageManagerOf } from '../app/package-manager.js';
import { readText } from '../app/read-text.js';
import { copiesOf } from './copies.js';
import { checkDataFolder } from './data-folder.js';
import { type Finding, problem, warning } from './finding.js';

const PACKAGE = 'ssekit';

/** Asks the package for something that only its native part can answer. */
const LOAD = 'require(process.argv[1]).SSEService.getInstance().getActiveClients(); process.exit()';

/** A load that has not ended by then never will. */
const LOAD_TIMEOUT_MS = 30_000;

/** Whether a folder belongs to an app that has, or should have, ssekit. */
export function isApp(folder: string): boolean {
  return isNextApp(folder) || wanted(folder, PACKAGE) !== undefined;
}

export function checkInstallation(folder: string): Finding[] {
  const home = installedAt(folder, PACKAGE);
  const next = isNextApp(folder) ? [checkConfig(folder), checkInstrumentation(folder)] : [];
  const installed = home
    ? [checkAddon(home), checkCopies(folder), checkDataFolder(folder, home)]
    : [notInstalled(folder)];
  return [checkNode(), checkPlatform(), ...installed, ...next].flatMap((finding) => finding ?? []);
}

function checkNode(version = process.versions.node): Finding | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 9)) return undefined;
  const remedy = 'Use Node.js 20.9 or newer: https://nodejs.org';
  return problem('node-version', `This is Node.js ${version}.`, 'ssekit and Next.js need 20.9 or newer.', remedy);
}

function checkPlatform(platform: NodeJS.Platform = process.platform): Finding | undefined {
  if (platform !== 'win32') return undefined;
  const matters = 'On Windows, ssekit does not hand streams off. Node.js carries them, which works but costs more.';
  return warning(
    'not-handed-off',
    'This is Windows.',
    matters,
    'In development, nothing. In production, run the app on Linux.',
  );
}

function notInstalled(folder: string): Finding {
  const command = addCommand(packageManagerOf(folder), PACKAGE);
  return problem('not-installed', `ssekit is not installed in ${folder}.`, 'The app cannot import it.', command);
}

/** Runs in its own process, because an addon for another system may end it. */
function checkAddon(home: string): Finding | undefined {
  // Without its backplane, because this is only about the package.
  const env = { ...process.env, SSEKIT_DATA_DIR: '', SSEKIT_REDIS_URL: '' };
  const how = { encoding: 'utf8', timeout: LOAD_TIMEOUT_MS, env } as const;
  const { status, stderr, signal } = spawnSync(process.execPath, ['-e', LOAD, home], how);
  if (status === 0) return undefined;
  const reason = /^\w*Error.*: (.+)$/m.exec(stderr)?.[1] ?? `it ended with ${signal ?? status}`;
  return problem(
    'addon',
    `ssekit cannot be loaded on ${process.platform} ${process.arch}: ${reason}`,
    'Its native part is missing, or was built for another system.',
    'Install on the system that runs the app, with optional packages (npm: without --omit=optional). A copied node_modules contains the binary of the system that it came from. In Docker, install in the image. If there is no binary for this system, run “npx ssekit build”.',
  );
}

function checkCopies(folder: string): Finding | undefined {
  const copies = ancestors(folder).flatMap((ancestor) => copiesOf(PACKAGE, join(ancestor, 'node_modules')));
  const places = new Map(copies.map((copy) => [copy.path, copy.version]));
  if (places.size < 2) return undefined;
  const seen = `There are ${places.size} copies of ssekit: ${[...places].map(([path, version]) => `${version} in ${path}`).join(', ')}.`;
  const remedy =
    'Make every package use one version: look at “npm ls ssekit”, then add “overrides” (pnpm and yarn: “resolutions”).';
  if (new Set(places.values()).size > 1) {
    const matters = 'All copies use the binary of the copy that is loaded first, and may not fit it.';
    return problem('copies', seen, matters, remedy);
  }
  return warning(
    'copies',
    seen,
    'They share one binary and so one hub, but each worker thread may load another one.',
    remedy,
  );
}

function checkConfig(folder: string): Finding | undefined {
  const file = configFileOf(folder);
  const text = file ? readText(join(folder, file)) : '';
  // If the package is named there, Next.js knows about it one way or the other.
  if (/\bwithSSE\b|ExternalPackages[^\]]*['"]ssekit['"]/.test(text)) return undefined;
  return warning(
    'config',
    file ? `${file} does not use withSSE.` : 'There is no next.config.',
    'Without it, Next.js bundles ssekit. The bundle finds the native part in the app’s folder, but not in a standalone build.',
    'Run “npx ssekit init”, or wrap the config: export default withSSE(nextConfig), with withSSE imported from ssekit/next.',
  );
}

function checkInstrumentation(folder: string): Finding | undefined {
  const file = scriptAt(folder, join(baseOf(folder) ?? '', 'instrumentation'));
  const text = file ? readText(join(folder, file)) : '';
  if (/ssekit|features\/sse/.test(text)) return undefined;
  return warning(
    'instrumentation',
    file ? `${file} does not load ssekit.` : 'There is no instrumentation file.',
    'If the request for a stream is the one that loads ssekit, that stream is not handed off. It stays with Node.js, which costs more.',
    `Run “npx ssekit init”, or add this to register(): if (process.env.NEXT_RUNTIME === 'nodejs') await import('@/features/sse');`,
  );
}

/** Describes in a few words what was examined. */
export function describeInstallation(folder: string): string {
  const home = installedAt(folder, PACKAGE);
  const version = home && readManifest(home)?.version;
  const next = versionOf(folder, 'next');
  const parts = [
    version ? `ssekit ${version}` : 'no ssekit',
    ...(Number.isNaN(majorOf(next)) ? [] : [`Next.js ${next}`]),
    `Node.js ${process.versions.node}`,
    `${process.platform} ${process.arch}`,
  ];
  return parts.join(', ');
}
