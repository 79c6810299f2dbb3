/**
 * The native addon, one for all copies of this package in a JavaScript environment. It is loaded when it is first needed,
 * because importing the package in a place where it cannot work must not break a build.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

import type * as Binding from '../../binding.js';
import { backplaneOf } from './backplane.js';
import { withCode } from './error-codes.js';
import { explainLoadFailure, NotInstalledForApp } from './load-failure.js';
import { checkTracing } from './opentelemetry.js';
import { inThisRealm } from './realm.js';
import { standIn } from './stand-in.js';
import { refuseTruncated } from './truncated.js';

type Native = typeof Binding;

/**
 * A second copy of the addon's file would be a second hub. So the first copy of this package leaves its addon where every
 * other copy finds it. The number is the version of the data that the copies share.
 */
const KEY = Symbol.for('ssekit.binding.2');

const shared = globalThis as { [KEY]?: Native };

export function native(): Native {
  return standIn() ?? wholeRun() ?? addon();
}

/** The addon itself, whatever stands in for it. */
export function addon(): Native {
  shared[KEY] ??= prepared(load());
  return shared[KEY];
}

/** Puts another addon in the place of this one, for a test that wants another hub. */
export function replaceAddon(binding: Native): void {
  shared[KEY] = inThisRealm(offered(binding));
}

/** Whether a test has made the whole process use a fake. */
function wholeRun(): Native | undefined {
  if (shared[KEY] || process.env.SSEKIT_FAKE !== '1') return undefined;
  // On demand and from the installation, so that no bundle contains it. It puts the fake in place.
  createRequire(manifestFrom(process.cwd()))('./dist/testing/whole-run.js');
  return standIn();
}

function prepared(binding: Native): Native {
  if (isMainThread) process.once('exit', () => shared[KEY]?.beforeExit());
  return inThisRealm(offered(binding));
}

/**
 * If the environment names a backplane, the hub joins it, unless it is configured otherwise. A variable that cannot be used is an error
 * here, and not only at the first send in production.
 */
function offered(binding: Native): Native {
  checkTracing();
  const { redis, file, ca } = backplaneOf(process.env);
  if (redis) binding.offerRedis(redis, ca);
  if (file) binding.offerFolder(file);
  return binding;
}

function load(): Native {
  try {
    return fromHere();
  } catch (cause) {
    throw withCode(new Error(explainLoadFailure(cause), { cause }), 'ERR_SSEKIT_BINARY');
  }
}

/** Each bundler replaces its own of these by a constant. Node.js does not know them. */
declare const __webpack_require__: unknown;
declare const process: NodeJS.Process & { turbopack?: boolean };

/**
 * A plain `require`. Next.js follows it when it collects the files of a standalone app. A bundler that has made the condition
 * true does not even read the other branch, where the addon would fail the build.
 */
function fromHere(): Native {
  try {
    if (typeof __webpack_require__ === 'function' || process.turbopack) {
      return fromInstallation();
    } else {
      refuseTruncated(require.resolve('../../binding.js'));
      return require('../../binding.js');
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    return fromInstallation();
  }
}

/** For a copy in a bundle, where paths lead nowhere: loads the addon of the package that is installed for the app. */
function fromInstallation(): Native {
  const manifest = manifestFrom(process.cwd());
  refuseTruncated(manifest);
  return createRequire(manifest)('./binding.js');
}

function manifestFrom(folder: string): string {
  try {
    return createRequire(join(folder, 'package.json')).resolve('ssekit/package.json');
  } catch (cause) {
    throw new NotInstalledForApp(folder, cause);
  }
}
