/** The app of docs/channels.md: its files as the page has them, and what they need of an app around them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Moves paths and imports to folders that only tests have, because the example app has files of the same names. */
const MOVES: [from: RegExp, to: string][] = [
  [/^app\/api\//, 'app/api/test/documented/'],
  [/^app\/orders\//, 'app/test/orders/'],
  [/^(lib|components)\//, '$1/test/'],
  [/'@\/(lib|components)\//g, "'@/$1/test/"],
  [/'@\/app\/orders\//g, "'@/app/test/orders/"],
  [/"\/api\/sse"/g, '"/api/test/documented/sse"'],
];

const moved = (text: string): string => MOVES.reduce((text, [from, to]) => text.replace(from, to), text);

const documented = [
  ...readFileSync(join(__dirname, '..', '..', 'docs', 'channels.md'), 'utf8').matchAll(
    /^```tsx?\n\/\/ (\S+)\n(.*?)\n```$/gms,
  ),
].map(([, path = '', code = '']) => [moved(path), moved(code)] as const);

/** The parts of an app that the page takes for granted. The database outlives its process. */
const AROUND: Record<string, string> = {
  'lib/test/db.ts': `
    import { existsSync, readFileSync, writeFileSync } from 'node:fs';
    type Payment = { id: string; orderId: string; amount: number };
    const file = process.cwd() + '/payments.json';
    const all = (): Payment[] => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []);
    export const db = {
      async addPayment(orderId: string, amount: number) {
        const payment = { id: String(all().length + 1), orderId, amount };
        writeFileSync(file, JSON.stringify([...all(), payment]));
        return payment;
      },
      paymentsOf: async (orderId: string) => all().filter((payment) => payment.orderId === orderId),
      mayRead: async (userId: string, orderId: string) => userId === 'ada' && !orderId.startsWith('secret'),
    };`,
  'lib/test/session.ts': `
    export const userOf = async (request: Request) => new URL(request.url).searchParams.get('user') ?? 'ada';
    export const currentUser = async () => 'ada';`,
  'app/api/test/pay/route.ts': `
    import { pay } from '@/lib/test/payments';
    export async function POST(request: Request) {
      const { orderId, amount } = await request.json();
      await pay(orderId, amount);
      return Response.json({});
    }`,
  // A page that watches an order on a stream that is open, by the documented action.
  'app/test/watching/page.tsx': `
    'use client';
    import { useEffect, useState } from 'react';
    import { watch } from '@/app/test/orders/actions';
    export default function Page() {
      const [lines, setLines] = useState<string[]>([]);
      useEffect(() => {
        const say = (line: string) => setLines((earlier) => [...earlier, line]);
        const query = new URLSearchParams(location.search);
        const events = new EventSource('/api/test/documented/sse');
        events.addEventListener('ssekit:ready', async ({ data }) => {
          const id = query.get('client') ?? JSON.parse(data).clientId;
          watch(id, query.get('order')!).then(
            (payments) => say('watching ' + payments.map(({ amount }) => amount).join()),
            () => say('refused'),
          );
        });
        events.addEventListener('payment', ({ data }) => say('payment ' + JSON.parse(data).amount));
        return () => events.close();
      }, []);
      return <ul>{lines.map((line) => <li key={line}>{line}</li>)}</ul>;
    }`,
};

export const DOCUMENTED_APP: Readonly<Record<string, string>> = { ...Object.fromEntries(documented), ...AROUND };
