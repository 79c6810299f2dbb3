import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { demoFile } from '@/lib/demo-file';
import { findUser, type User } from '@/lib/users';

export const SESSION_COOKIE = 'demo_user';

// No `secure`: the demo is served over plain HTTP. `lax` keeps other sites from posting in a user's name.
export const SESSION_COOKIE_OPTIONS = { httpOnly: true, sameSite: 'lax', path: '/' } as const;

function sign(userId: string): string {
  // In process.env, because Next.js may load this module more than once, and all of them have to agree.
  process.env.DEMO_SESSION_SECRET ??= keptSecret();
  return createHmac('sha256', process.env.DEMO_SESSION_SECRET).update(userId).digest('base64url');
}

/** A log-in outlasts a restart as the history does; otherwise the page would be refused before it could resume. */
function keptSecret(): string {
  const file = demoFile('session-secret');
  try {
    writeFileSync(file, randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8');
}

export function createToken(user: User): string {
  return `${user.id}.${sign(user.id)}`;
}

export function userFromToken(token: string | undefined): User | undefined {
  const [userId = '', signature = ''] = token?.split('.') ?? [];
  const expected = Buffer.from(sign(userId));
  const actual = Buffer.from(signature);
  const genuine = actual.length === expected.length && timingSafeEqual(actual, expected);
  return genuine ? findUser(userId) : undefined;
}

export function userFromRequest(request: Request): User | undefined {
  const cookies = request.headers.get('cookie')?.split(';') ?? [];
  const prefix = `${SESSION_COOKIE}=`;
  const cookie = cookies.map((part) => part.trim()).find((part) => part.startsWith(prefix));
  return userFromToken(cookie?.slice(prefix.length));
}
