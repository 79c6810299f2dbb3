'use client';

import type { ReactNode } from 'react';
import type { Credentials } from 'ssekit/client';
import { SSEProvider, useEvent } from 'ssekit/react';

interface Props {
  /** Of this app, or of ssekit's own server, which wants a ticket. */
  url: string;
  userId: string;
  since?: string | undefined;
  channels?: string[];
  /** False gives the tab its own connection. An app has no need for that: here it shows the handoff. */
  isShared?: boolean | undefined;
  children: ReactNode;
}

/** One stream for everything inside. Over HTTP/1.1, it comes over one connection for all tabs, because browsers open only six. */
export function EventStream({ url, userId, since, channels, isShared = true, children }: Props) {
  const auth = url.startsWith('/') ? undefined : fetchTicket;
  return (
    <SSEProvider
      url={url}
      user={userId}
      since={since}
      channels={channels}
      auth={auth}
      share={isShared ? 'auto' : false}
    >
      <OwnStream userId={userId} />
      {children}
    </SSEProvider>
  );
}

/** All tabs share a cookie. After a log-in in another tab, this stream comes back as that user's, and so has to do the page. */
function OwnStream({ userId }: { userId: string }) {
  useEvent('ssekit:ready', (ready) => {
    if (ready.userId !== userId) location.reload();
  });
  return null;
}

async function fetchTicket(): Promise<Credentials> {
  const response = await fetch('/api/sse-ticket', { method: 'POST' });
  // Without a ticket, the stream is refused, and the client gives up.
  if (response.status === 401) return {};
  if (!response.ok) throw new Error(`no ticket: ${response.status}`);
  return response.json();
}
