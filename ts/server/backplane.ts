/** What connects this process with others: its options, and what the environment says of it. */
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

import { argumentError } from './errors.js';
import { checkNumbers, checkObject } from './validate.js';

const NUMBERS = ['maxStreamEvents', 'leaseMs', 'maxBufferedEvents', 'maxBufferedBytes'];
const OTHERS = ['redis', 'prefix', 'ca', 'whenDown'];

export function checkBackplane(options: unknown): object {
  // A URL in place of the object that has it.
  if (typeof options === 'string') throw argumentError('options.backplane', typeof options, 'an object');
  const {
    redis = backplaneOf(process.env)?.redis,
    prefix,
    ca,
    whenDown = 'deliver',
    ...numbers
  } = checkObject('options.backplane', options);
  for (const [name, text] of Object.entries({ redis, prefix, ca })) {
    // The URL has a password in it: no error shows what it got.
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

/** The backplane that the environment names, if it names one. An empty variable says nothing. */
export function backplaneOf(env: Record<string, string | undefined>): { redis: string; ca?: string } | undefined {
  const redis = env.SSEKIT_REDIS_URL;
  return redis ? { redis, ca: trusted(redis) } : undefined;
}

/** Native code knows no authorities: those that Node.js trusts, with those of `NODE_EXTRA_CA_CERTS`, unless others are named. */
function trusted(redis?: string, ca?: string): string | undefined {
  if (ca !== undefined || !redis?.startsWith('rediss')) return ca;
  return [...rootCertificates, ...extraCertificates()].join('\n');
}

/** Node.js itself warns of a file that it cannot read, and goes on without it. */
function extraCertificates(): string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  try {
    return file ? [readFileSync(file, 'utf8')] : [];
  } catch {
    return [];
  }
}
