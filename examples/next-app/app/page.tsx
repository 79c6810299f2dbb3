import { cookies } from 'next/headers';
import { Dashboard } from '@/components/dashboard';
import { Login } from '@/components/login';
import { feedOf } from '@/lib/feed-snapshot';
import { SESSION_COOKIE, userFromToken } from '@/lib/session';
import { streamUrl } from '@/lib/stream-url';

export default async function Page() {
  const user = userFromToken((await cookies()).get(SESSION_COOKIE)?.value);
  if (!user) return <Login />;
  return <Dashboard user={user} first={await feedOf(user.id)} streamUrl={await streamUrl()} />;
}
