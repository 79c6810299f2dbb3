import { cookies } from 'next/headers';
import { Dashboard } from '@/components/dashboard';
import { Login } from '@/components/login';
import { listenerPort } from '@/lib/listener';
import { SESSION_COOKIE, userFromToken } from '@/lib/session';

export default async function Page() {
  const user = userFromToken((await cookies()).get(SESSION_COOKIE)?.value);
  return user ? <Dashboard user={user} listenerPort={listenerPort()} /> : <Login />;
}
