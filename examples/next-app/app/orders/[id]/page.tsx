import { cookies } from 'next/headers';
import { notFound, redirect } from 'next/navigation';
import { OrderPage } from '@/components/order-page';
import { snapshotOf } from '@/lib/order-snapshot';
import { SESSION_COOKIE, userFromToken } from '@/lib/session';

interface Props {
  params: Promise<{ id: string }>;
  searchParams: Promise<{ share?: string }>;
}

export default async function Page({ params, searchParams }: Props) {
  const user = userFromToken((await cookies()).get(SESSION_COOKIE)?.value);
  if (!user) redirect('/');
  const snapshot = await snapshotOf((await params).id);
  if (!snapshot) notFound();
  return <OrderPage user={user} isShared={(await searchParams).share !== 'false'} first={snapshot} />;
}
