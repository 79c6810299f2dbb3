/** A bundle for a browser or an edge runtime gets this instead of ssekit's server. It says why ssekit cannot work there. */
export function refuse(entry: string): never {
  throw Object.assign(
    new Error(
      [
        `"${entry}" runs on a Node.js server only, but code for a browser or an edge runtime imports it.`,
        'In a page, import "ssekit/react" or "ssekit/client", and take types by `import type`.',
        'If the import comes through a module which exports both (a barrel, "@/features/sse"), import the hook or component from',
        'its own file. At the edge, send with "ssekit/publish". In a test under jsdom, use the test environment "node".',
      ].join(' '),
    ),
    { code: 'ERR_SSEKIT_BROWSER' },
  );
}
