/** The settings that ssekit needs in `next.config`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { argumentError } from '../server/errors.js';

const PACKAGE = 'ssekit';

/** The config that `withSSE()` returns when you pass none. */
export interface SSENextConfig {
  serverExternalPackages?: string[];
  experimental?: { serverComponentsExternalPackages?: string[]; instrumentationHook?: boolean };
}

/**
 * Wraps the config of `next.config`: `export default withSSE(nextConfig)`. It accepts whatever Next.js accepts: an object, a
 * function or a promise. It returns the same kind, with everything that was in it.
 *
 * It adds ssekit to the packages that Next.js loads as they are instead of bundling them, because native code cannot be bundled.
 * `output: 'standalone'` needs nothing more: Next.js traces the files of such packages, including the addon. For Next.js 14, it
 * also enables `instrumentation.ts`, which Next.js 15 and later enable by default.
 */
export function withSSE(config?: undefined): SSENextConfig;
export function withSSE<Config extends object>(config: Config): Config;
export function withSSE(config: unknown = {}): unknown {
  if (typeof config === 'function') {
    return function wrapped(this: unknown, ...given: unknown[]): unknown {
      return withSSE(Reflect.apply(config, this, given));
    };
  }
  if (typeof config !== 'object' || config === null) {
    throw argumentError('config', config, 'what next.config may export: an object, a function or a promise');
  }
  if (isPromise(config)) return config.then((resolved) => withSSE(resolved as object));
  return nextMajor() >= 15 ? forNext15(config) : forNext14(config);
}

function forNext15(config: SSENextConfig): SSENextConfig {
  return { ...config, serverExternalPackages: withPackage(config.serverExternalPackages) };
}

function forNext14(config: SSENextConfig): SSENextConfig {
  const packages = withPackage(config.experimental?.serverComponentsExternalPackages);
  const experimental = {
    instrumentationHook: true,
    ...config.experimental,
    serverComponentsExternalPackages: packages,
  };
  return { ...config, experimental };
}

function withPackage(packages: string[] = []): string[] {
  return packages.includes(PACKAGE) ? packages : [...packages, PACKAGE];
}

function isPromise(value: object): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>>).then === 'function';
}

/** The major version of the app's own Next.js. In a workspace, another copy may be nearer to this file. */
function nextMajor(): number {
  try {
    const manifest = createRequire(join(process.cwd(), 'package.json')).resolve('next/package.json');
    return Number.parseInt(JSON.parse(readFileSync(manifest, 'utf8')).version, 10) || Number.POSITIVE_INFINITY;
  } catch {
    // An unusual layout, where Next.js is not found. Most likely it is not an old version.
    return Number.POSITIVE_INFINITY;
  }
}
