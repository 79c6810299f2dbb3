/**
 * Explains why the native addon did not load, and what to do. The true cause comes first, because logs and overlays cut off
 * the end.
 */
import { TruncatedBinary } from './truncated.js';

/** ssekit is in a bundle, and the app that runs the bundle has no installed ssekit to take the addon from. */
export class NotInstalledForApp extends Error {
  constructor(
    readonly folder: string,
    cause: unknown,
  ) {
    super(`ssekit is not installed for ${folder}`, { cause });
  }
}

/** `failure` is the error of the generated loader: a chain of causes, one for each file and package that it tried. */
export function explainLoadFailure(failure: unknown): string {
  const [problem, ...remedy] =
    refusal(failure) ?? missingFromApp(failure) ?? truncated(failure) ?? brokenBinary(failure) ?? missingBinary();
  return [`ssekit cannot load its native part: ${problem}`, ...remedy].join(' ');
}

const BUILD = 'install Rust (https://rustup.rs) and run `npx ssekit build`, which builds it from source.';

/** Node.js is configured not to load it. */
function refusal(failure: unknown): string[] | undefined {
  const texts = chain(failure).map(messageOf);
  if (texts.some((text) => text.includes('loading addons is disabled'))) {
    if (isRestricted() && !hasOption('--no-addons'))
      return ['Node.js runs with its permission model, which forbids native addons.', 'Add `--allow-addons`.'];
    return [
      'Node.js runs with `--no-addons`.',
      'Remove the option from the command line, from NODE_OPTIONS, or from the `execArgv` of the worker.',
    ];
  }
  const denied = texts.find((text) => text.startsWith('Access to this API has been restricted'));
  if (!denied) return undefined;
  return [
    'Node.js runs with its permission model, which forbids reading the files of ssekit.',
    'Add `--allow-fs-read` for the folder of ssekit, and `--allow-addons`.',
  ];
}

function missingFromApp(failure: unknown): string[] | undefined {
  if (!(failure instanceof NotInstalledForApp)) return undefined;
  return [
    `ssekit is inside a bundle here, and is not installed for the app in ${failure.folder}.`,
    'Keep it out of the bundle: wrap your next.config with `withSSE` from ssekit/next, or mark `ssekit` as external in another',
    'bundler. In a monorepo, add ssekit to the package.json of the app too, not only to that of the package which imports it.',
  ];
}

function truncated(failure: unknown): string[] | undefined {
  if (!(failure instanceof TruncatedBinary)) return undefined;
  return [`its binary, ${failure.path}, is truncated.`, `Remove node_modules and install again, or ${BUILD}`];
}

/** The file exists, but this system cannot load it. */
function brokenBinary(failure: unknown): string[] | undefined {
  // The loader's own summary says nothing. The innermost cause is the file that it tried first.
  const reason = chain(failure)
    .map(messageOf)
    .findLast((text) => !/^(Cannot find |Failed to load native binding|Unsupported )/.test(text));
  if (reason === undefined) return undefined;
  const problem = `its binary exists but does not load: ${reason.split('\n', 1)[0]}.`;
  if (/GLIBC|libc\.musl|libstdc\+\+/.test(reason))
    return [problem, `It was built on a system with another C library: install on this system, or ${BUILD}`];
  return [
    problem,
    `The file is damaged or belongs to another system: remove node_modules and install again on this system, or ${BUILD}`,
  ];
}

function missingBinary(): string[] {
  const { platform, arch, versions } = process;
  return [
    `there is no binary for ${platform} ${arch} (Node.js ${versions.node}) here.`,
    `To get one, ${BUILD}`,
    'If one is published for this platform, the package manager left out the optional dependency: remove node_modules and',
    'install again on this platform, without --omit=optional.',
    'In a bundle, ssekit must stay external: wrap your next.config with `withSSE` from ssekit/next.',
  ];
}

/** An error and its causes. Stops at some length, because a chain can be endless. */
function chain(failure: unknown): unknown[] {
  const found: unknown[] = [];
  for (let error = failure; error && found.length < 32; error = (error as Error).cause) found.push(error);
  return found;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function hasOption(option: string): boolean {
  return process.execArgv.includes(option) || (process.env.NODE_OPTIONS ?? '').split(/\s+/).includes(option);
}

/** Node.js has `process.permission` only while its permission model is on. */
function isRestricted(): boolean {
  return 'permission' in process && process.permission !== undefined;
}
