import { cookies } from 'next/headers';
import { fail, seeOther } from '@/lib/http';
import { createToken, SESSION_COOKIE, SESSION_COOKIE_OPTIONS } from '@/lib/session';
import { findUser } from '@/lib/users';

export async function POST(request: Request) {
  const form = await request.formData().catch(() => null);
  const user = findUser(form?.get('user'));
  if (!user) return fail(400, 'user must be one of the demo users');

  (await cookies()).set(SESSION_COOKIE, createToken(user), SESSION_COOKIE_OPTIONS);
  return seeOther('/');
}
