import { cookies } from 'next/headers';
import { Dashboard } from '@/components/dashboard';
import { Login } from '@/components/login';
import { feedOf } from '@/lib/feed-snapshot';
import { listenerPort } from '@/lib/listener';
import { SESSION_COOKIE, userFromToken } from '@/lib/session';
import { streamUrl } from '@/lib/stream-url';

interface Props {
  searchParams: Promise<{ share?: string }>;
}

export default async function Page({ searchParams }: Props) {
  const user = userFromToken((await cookies()).get(SESSION_COOKIE)?.value);
  if (!user) return <Login />;
  // Only a stream from this app can share a connection with those of other tabs.
  const isShared = listenerPort() === null ? (await searchParams).share !== 'false' : undefined;
  const [first, url] = [await feedOf(user.id), await streamUrl()];
  return <Dashboard user={user} isShared={isShared} first={first} streamUrl={url} />;
}
