/** The options of early resume, and the secrets of its tickets. */
import type { ResumeOptions } from '../../../index';
import { checkKnown } from '../arguments.js';
import { argumentError, grouped, rangeError } from '../errors.js';

/** Checked options. */
export interface Resume {
  ttl: number;
  maxAge: number;
  cookies: string[] | undefined;
  headers: string[];
}

const KNOWN: readonly (keyof ResumeOptions)[] = ['ttl', 'maxAge', 'cookies', 'headers'];

const TWELVE_HOURS = 43_200;

/** Log-outs are remembered for so long. */
const THIRTY_DAYS = 2_592_000;

/** RFC 9110, section 5.1; the names of cookies have the same form (RFC 6265, section 4.1.1). */
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]{1,256}$/;

export function checkResume(argument: string, resume: unknown): Resume | undefined {
  if (resume === undefined) return undefined;
  checkKnown(argument, resume, KNOWN);
  const { ttl, maxAge = TWELVE_HOURS, cookies, headers = [] } = resume as ResumeOptions;
  checkSeconds(`${argument}.maxAge`, maxAge, THIRTY_DAYS);
  checkSeconds(`${argument}.ttl`, ttl, maxAge);
  checkSecrets();
  return {
    ttl,
    maxAge,
    cookies: cookies === undefined ? undefined : checkNames(`${argument}.cookies`, cookies),
    headers: checkNames(`${argument}.headers`, headers),
  };
}

function checkSeconds(argument: string, seconds: unknown, most: number): void {
  if (typeof seconds !== 'number' || !Number.isInteger(seconds)) {
    throw argumentError(argument, seconds, 'a whole number of seconds');
  }
  if (seconds < 1 || seconds > most) {
    throw rangeError(argument, `${grouped(seconds)} seconds`, `1 to ${grouped(most)}`);
  }
}

function checkNames(argument: string, names: unknown): string[] {
  if (!Array.isArray(names)) throw argumentError(argument, names, 'an array of names');
  return Array.from(names, (name) => {
    if (typeof name !== 'string' || !TOKEN.test(name)) throw argumentError(argument, name, 'a name');
    return name;
  });
}

/** Native code requires the same. */
const MIN_SECRET_BYTES = 32;

/** The secrets in the environment. The first one signs, all of them verify. */
export function resumeSecrets(): string[] {
  return (process.env.SSEKIT_SECRET ?? '').split(/\s+/).filter(Boolean);
}

/** Now, and not only when the first page comes. */
function checkSecrets(): void {
  for (const secret of resumeSecrets()) {
    const bytes = Buffer.byteLength(secret);
    if (bytes >= MIN_SECRET_BYTES) continue;
    throw rangeError('SSEKIT_SECRET', `a secret of ${bytes} bytes`, `at least ${MIN_SECRET_BYTES} bytes`);
  }
}
