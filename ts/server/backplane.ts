/** The connection to other processes: what the environment says about it. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { rootCertificates } from 'node:tls';

import { withCode } from './error-codes.js';

type Environment = Record<string, string | undefined>;

/** Each option that chooses a backplane, and the variable that does the same. */
const VARIABLES = { redis: 'SSEKIT_REDIS_URL', file: 'SSEKIT_DATA_DIR' } as const;

type Kind = keyof typeof VARIABLES;

const KINDS = Object.keys(VARIABLES) as Kind[];

/** A backplane that somebody has chosen, and the name of the option or variable. */
interface Choice {
  kind: Kind;
  value: unknown;
  by: string;
}

/** The options that choose a backplane, as native code takes them. */
interface Chosen {
  redis?: unknown;
  file?: unknown;
  ca?: unknown;
}

/** A backplane's options. Those that are missing come from the environment, as far as it has them. */
export function completeBackplane(options: Record<string, unknown>): object {
  return { ...options, ...chosen(options, process.env) };
}

/** The backplane that the environment names, if any. An empty variable counts as unset. */
export function backplaneOf(env: Environment): { redis?: string; file?: string; ca?: string } {
  return chosen({}, env) as { redis?: string; file?: string; ca?: string };
}

function chosen(options: Record<string, unknown>, env: Environment): Chosen {
  const { kind, value } = choiceIn(options, env) ?? {};
  if (kind === 'file') return { file: isBuilding(env) ? undefined : absolute(value) };
  const { ca = trusted(value) } = options;
  return { redis: value, ca };
}

/** An option counts more than the variable for the same backplane. */
function choiceIn(options: Record<string, unknown>, env: Environment): Choice | undefined {
  const choices: Choice[] = [
    ...KINDS.map((kind) => ({ kind, value: options[kind], by: `options.backplane.${kind}` })),
    ...KINDS.map((kind) => ({ kind, value: env[VARIABLES[kind]] || undefined, by: VARIABLES[kind] })),
  ].filter(({ value }) => value !== undefined);
  const [redis, file] = KINDS.map((kind) => choices.find((choice) => choice.kind === kind));
  if (redis && file) throw twoBackplanes(redis, file);
  return redis ?? file;
}

function twoBackplanes(redis: Choice, file: Choice): TypeError {
  const message =
    `${redis.by} and ${file.by}: got two backplanes, wants one; remove ${redis.by} to keep the history in a folder, ` +
    `or remove ${file.by} to use Redis`;
  return withCode(new TypeError(message), 'ERR_SSEKIT_ARGUMENT');
}

/** A build of Next.js runs the app's modules beside the servers of the app, in processes that are no part of the hub. */
function isBuilding(env: Environment): boolean {
  return env.NEXT_PHASE === 'phase-production-build';
}

/** An app that changes its working directory later still means the same folder. Native code refuses an empty path. */
function absolute(dir: unknown): unknown {
  return typeof dir === 'string' && dir !== '' ? resolve(dir) : dir;
}

/**
 * Native code has no certificate authorities of its own. Unless the options name others, it gets those that Node.js trusts, and
 * those of `NODE_EXTRA_CA_CERTS`.
 */
function trusted(redis: unknown): string | undefined {
  if (typeof redis !== 'string' || !redis.startsWith('rediss')) return undefined;
  return [...rootCertificates, ...extraCertificates()].join('\n');
}

/** Node.js itself warns about a file that it cannot read, and continues without it. */
function extraCertificates(): string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  try {
    return file ? [readFileSync(file, 'utf8')] : [];
  } catch {
    return [];
  }
}
