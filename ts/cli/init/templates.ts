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

export function componentFile({ language }: NextApp, feature: string): string {
  const typed = language === 'ts';
  const type = typed ? `import type { SSEEventMap } from '${feature}';\n` : '';
  const jsdoc = typed ? '' : `/** @typedef {import('${feature}').SSEEventMap} SSEEventMap */\n\n`;
  const cast = typed ? ": SSEEventMap['notification']" : '';
  const comment = typed ? '' : "      /** @type {SSEEventMap['notification']} */\n";
  return `'use client';

import { useEffect, useState } from 'react';
${type}
${jsdoc}/** Shows notifications as they arrive. Put <Notifications /> into any page. */
export function Notifications() {
  const [messages, setMessages] = useState${typed ? '<string[]>' : ''}([]);

  useEffect(() => {
    const stream = new EventSource('/api/sse');
    stream.addEventListener('notification', (event) => {
${comment}      const { message }${cast} = JSON.parse(event.data);
      setMessages((earlier) => [...earlier, message]);
    });
    return () => stream.close();
  }, []);

  return (
    <ul>
      {messages.map((message, index) => (
        <li key={index}>{message}</li>
      ))}
    </ul>
  );
}
`;
}

function indented(lines: string[]): string {
  return lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
}
