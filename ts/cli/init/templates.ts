/** The files that `init` writes. */
import { DATA_FOLDER } from '../app/layout.js';
import type { NextApp } from '../app/next-app.js';
import { loadStatement } from '../source/instrumentation.js';
import type { Identify } from './identify.js';

export function featureFile({ language }: NextApp): string {
  return language === 'ts' ? TYPED_FEATURE : FEATURE;
}

/** A variable and not `configure`, so that the app may still configure what it likes, and a build loads no native code. */
const FOLDER = `// The history is in this folder, so that it survives a restart. An empty SSEKIT_DATA_DIR keeps it in memory.
if (!process.env.SSEKIT_REDIS_URL) process.env.SSEKIT_DATA_DIR ??= '${DATA_FOLDER}';
`;

const TYPED_FEATURE = `export { type SSEEventMap, SSEService } from 'ssekit';

${FOLDER}
declare module 'ssekit' {
  /** The events of this app: each name with the type of its data. What you send must match. Add your own. */
  interface SSEEventMap {
    notification: { message: string; timestamp?: string };
  }
}
`;

const FEATURE = `export { SSEService } from 'ssekit';

${FOLDER}
/**
 * The events of this app: each name with the type of its data. Add your own.
 *
 * @typedef {object} SSEEventMap
 * @property {{ message: string, timestamp?: string }} notification
 */
`;

export function routeFile({ major }: NextApp, identify: Identify): string {
  const imports = [...identify.imports, "import { createSSERoute } from 'ssekit/next';"];
  // Next.js 14 would answer from a cache. With cacheComponents, Next.js 16 refuses a route with this setting.
  const segment = major < 15 ? "export const dynamic = 'force-dynamic';\n\n" : '';
  return `${imports.join('\n')}

${segment}export const { GET } = createSSERoute({
${indented(identify.lines)}
});
`;
}

export function inspectorFile({ major }: NextApp): string {
  const segment = major < 15 ? "export const dynamic = 'force-dynamic';\n\n" : '';
  return `import { createInspectorRoute } from 'ssekit/next';

${segment}// Who is connected, and what was sent. It works in development only, until you add \`authorize\`: see docs/inspector.md of ssekit.
export const { GET, POST } = createInspectorRoute();
`;
}

export function instrumentationFile(specifier: string): string {
  return `export async function register() {
  // Loaded before the first request, ssekit sees every request.
  ${loadStatement(specifier)}
}
`;
}

export function configFile({ language, major }: NextApp): { name: string; text: string } {
  const typed = language === 'ts' && major >= 15;
  const type = typed ? "import type { NextConfig } from 'next';\n" : '';
  const declared = typed
    ? 'const nextConfig: NextConfig = {};'
    : "/** @type {import('next').NextConfig} */\nconst nextConfig = {};";
  return {
    name: typed ? 'next.config.ts' : 'next.config.mjs',
    text: `${type}import { withSSE } from 'ssekit/next';\n\n${declared}\n\nexport default withSSE(nextConfig);\n`,
  };
}

const STREAM_PROPS = `interface Props {
  /** The user's id, where users log in or out without loading the page anew: another user has another stream. */
  user?: string;
  children: ReactNode;
}

`;

export function streamFile({ language }: NextApp): string {
  const typed = language === 'ts';
  return `'use client';

import { useRouter } from 'next/navigation';
${typed ? "import type { ReactNode } from 'react';\n" : ''}import { SSEProvider } from 'ssekit/react';

${typed ? STREAM_PROPS : ''}/** One stream for all components inside. Put it around them in a page, or around {children} in the layout. */
export function EventStream({ user, children }${typed ? ': Props' : ''}) {
  const router = useRouter();
  return (
    // If events are gone for good, the server renders the page's data anew.
    <SSEProvider url="/api/sse" user={user} onReset={() => router.refresh()}>
      {children}
    </SSEProvider>
  );
}
`;
}

export function notificationsFile({ language }: NextApp): string {
  const typed = language === 'ts';
  return `'use client';

import { useState } from 'react';
import { useConnection, useEvent } from 'ssekit/react';

const STATES = {
  connecting: 'Connecting',
  open: 'Live',
  waiting: 'Reconnecting',
  paused: 'Paused',
  closed: 'Closed',
};

/** Shows notifications as they arrive. Put <Notifications /> into any page, inside <EventStream>. */
export function Notifications() {
  const [messages, setMessages] = useState${typed ? '<string[]>' : ''}([]);
  const { state, reason } = useConnection();

  const add = (message${typed ? ': string' : ''}) => setMessages((earlier) => [...earlier, message]);
  useEvent('notification', ({ message }) => add(message));
  useEvent('ssekit:reset', () => add('Some notifications were missed.'));

  return (
    <section aria-label="Notifications">
      <p role="status">
        {STATES[state]}
        {reason && \`: \${reason}\`}
      </p>
      {messages.length === 0 && <p>No notifications yet.</p>}
      <ul>
        {messages.map((message, index) => (
          <li key={index}>{message}</li>
        ))}
      </ul>
    </section>
  );
}
`;
}

/** For a React without the hooks that `ssekit/react` needs. */
export const WITHOUT_HOOKS = `import { createClient } from 'ssekit/client';

useEffect(() => {
  const events = createClient({ url: '/api/sse' });
  events.on('notification', ({ message }) => setMessages((earlier) => [...earlier, message]));
  events.onReset(() => setMessages((earlier) => [...earlier, 'Some notifications were missed.']));
  events.onStatus(({ state, reason }) => setStatus(reason ?? state));
  return events.close;
}, []);
`;

function indented(lines: string[]): string {
  return lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
}
