import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { findUser, type User } from '@/lib/users';

export const SESSION_COOKIE = 'demo_user';

// No `secure`: the demo is served over plain HTTP. `lax` keeps other sites from posting in a user's name.
export const SESSION_COOKIE_OPTIONS = { httpOnly: true, sameSite: 'lax', path: '/' } as const;

function sign(userId: string): string {
  // In process.env, because Next.js may load this module more than once, and all of them have to agree.
  process.env.DEMO_SESSION_SECRET ??= randomBytes(32).toString('hex');
  return createHmac('sha256', process.env.DEMO_SESSION_SECRET).update(userId).digest('base64url');
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
