/** The connection to other processes: its options, and the environment variables for it. */
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

import { argumentError } from './errors.js';
import { checkNumbers, checkObject } from './validate.js';

const NUMBERS = ['maxStreamEvents', 'leaseMs', 'maxBufferedEvents', 'maxBufferedBytes'];
const OTHERS = ['redis', 'prefix', 'ca', 'whenDown'];

export function checkBackplane(options: unknown): object {
  // The caller passed the URL instead of the object around it.
  if (typeof options === 'string') throw argumentError('options.backplane', typeof options, 'an object');
  const {
    redis = backplaneOf(process.env)?.redis,
    prefix,
    ca,
    whenDown = 'deliver',
    ...numbers
  } = checkObject('options.backplane', options);
  for (const [name, text] of Object.entries({ redis, prefix, ca })) {
    // The URL may contain a password, so no error shows the value.
    if (text !== undefined && typeof text !== 'string')
      throw argumentError(`options.backplane.${name}`, typeof text, 'a string');
  }
  if (whenDown !== 'deliver' && whenDown !== 'wait') {
    throw argumentError('options.backplane.whenDown', whenDown, "'deliver' or 'wait'");
  }
  const texts = { redis, prefix, ca } as { redis?: string; prefix?: string; ca?: string };
  return {
    ...checkNumbers('options.backplane', numbers, NUMBERS, OTHERS),
    ...texts,
    ca: trusted(texts.redis, texts.ca),
    deliverWhenDown: whenDown === 'deliver',
  };
}

/** The backplane that the environment names, if any. An empty variable counts as unset. */
export function backplaneOf(env: Record<string, string | undefined>): { redis: string; ca?: string } | undefined {
  const redis = env.SSEKIT_REDIS_URL;
  return redis ? { redis, ca: trusted(redis) } : undefined;
}

/**
 * Native code has no certificate authorities of its own. Unless others are given, it gets those that Node.js trusts, and
 * those of `NODE_EXTRA_CA_CERTS`.
 */
function trusted(redis?: string, ca?: string): string | undefined {
  if (ca !== undefined || !redis?.startsWith('rediss')) return ca;
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
