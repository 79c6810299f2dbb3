import type { NextConfig } from 'next';

// Set here, because a variable before the command in an npm script does not work on Windows.
process.env.NEXT_TELEMETRY_DISABLED = '1';

const config: NextConfig = {
  // Native code cannot be bundled, and of BullMQ only its type is needed unless there is a queue.
  serverExternalPackages: ['ssekit', 'bullmq'],
  allowedDevOrigins: ['127.0.0.1', 'localhost'],
  // The repository around this app has a lock file of its own, which Next.js would take for the root.
  outputFileTracingRoot: __dirname,
  turbopack: { root: __dirname },
  // Its default place is over this page's buttons.
  devIndicators: { position: 'bottom-right' },
  // `next dev` would write AGENTS.md into the app.
  agentRules: false,
};

export default config;
