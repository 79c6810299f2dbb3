import { cookies } from 'next/headers';
import { notFound, redirect } from 'next/navigation';
import { OrderPage } from '@/components/order-page';
import { snapshotOf } from '@/lib/order-snapshot';
import { SESSION_COOKIE, userFromToken } from '@/lib/session';

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const user = userFromToken((await cookies()).get(SESSION_COOKIE)?.value);
  if (!user) redirect('/');
  const snapshot = await snapshotOf((await params).id);
  if (!snapshot) notFound();
  return <OrderPage user={user} first={snapshot} />;
}
