'use client';

/**
 * `ssekit/devtools`: a panel in the page that shows what its stream does. It uses the hooks as any component does, so the client has no
 * code for it. package.json gives this module to builds for development only; all others get `nothing.ts`.
 */
import { SSEDevtools as InPage } from './component.js';
import { SSEDevtools as Nothing } from './nothing.js';

export const SSEDevtools: typeof InPage = typeof window === 'undefined' ? Nothing : InPage;
