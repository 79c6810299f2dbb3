/** The connection to other processes: what the environment says about it. */
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/** A backplane's options. Those that are missing come from the environment, as far as it has them. */
export function completeBackplane(options: Record<string, unknown>): object {
  const { redis = backplaneOf(process.env)?.redis, ca = trusted(redis) } = options;
  return { ...options, redis, ca };
}

/** The backplane that the environment names, if any. An empty variable counts as unset. */
export function backplaneOf(env: Record<string, string | undefined>): { redis: string; ca?: string } | undefined {
  const redis = env.SSEKIT_REDIS_URL;
  return redis ? { redis, ca: trusted(redis) } : undefined;
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
