import { type NextRequest, NextResponse } from 'next/server';

// The headers of a proxy arrive on event streams too, because Next.js writes their heads.
export function proxy(request: NextRequest) {
  const visits = Number(request.cookies.get('demo-visit')?.value) || 0;
  const response = NextResponse.next();
  response.headers.set('x-demo-proxy', '1');
  response.cookies.set('demo-visit', String(visits + 1), { httpOnly: true, sameSite: 'lax' });
  return response;
}

export const config = { matcher: '/api/:path*' };
