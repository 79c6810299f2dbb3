/** A bundle for a browser or an edge runtime gets this instead of ssekit's server. */

/** `ssekit/testing` leaves the server's modules there, for tests in a page's environment (jsdom). ts/server has the same name. */
const KEY = Symbol.for('ssekit.standIn.1');

/** The module that has this name on a server, if this is a test. Otherwise an error says why ssekit cannot work here. */
export function serverModule<Exports>(entry: string): Exports {
  const { modules } = (globalThis as { [KEY]?: { modules?: Record<string, () => object> } })[KEY] ?? {};
  const load = modules?.[entry];
  if (load) return load() as Exports;
  throw Object.assign(
    new Error(
      [
        `"${entry}" runs on a Node.js server only, but code for a browser or an edge runtime imports it.`,
        'In a page, import "ssekit/react" or "ssekit/client", and take types by `import type`.',
        'If the import comes through a module which exports both (a barrel, "@/features/sse"), import the hook or component from',
        'its own file. At the edge, send with "ssekit/publish". In a test under jsdom, import "ssekit/testing" first.',
      ].join(' '),
    ),
    { code: 'ERR_SSEKIT_BROWSER' },
  );
}
