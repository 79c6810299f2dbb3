import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** @type {import('next').NextConfig} */
export default {
  serverExternalPackages: ['ssekit'],
  // The folders around this one have lock files of their own, which Next.js would take for the root.
  outputFileTracingRoot: here,
  turbopack: { root: here },
};
