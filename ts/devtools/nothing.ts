'use client';

/** `ssekit/devtools` in production, and on a server. */
export const SSEDevtools = (): null => null;
