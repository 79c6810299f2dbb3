/** The matrix: pinned versions, and the cells in which they meet. */

/** The supported lines of Next.js, each as people have it. */
export const LINES = {
  14.2: { next: '14.2.35', react: '18.3.1', reactTypes: '18.3.31', reactDomTypes: '18.3.7' },
  15: { next: '15.5.29', react: '19.3.1', reactTypes: '19.3.0', reactDomTypes: '19.3.0' },
  16: { next: '16.4.6', react: '19.3.1', reactTypes: '19.3.0', reactDomTypes: '19.3.0' },
};

/** Releases of the npm package `node`, for those major versions that are not running already. */
export const NODES = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' };

export const CREATE_NEXT_APP = '16.4.3';
export const PNPM = '10.34.9';
/** Runtimes that `ssekit/publish` and `ssekit/client` are tried in, from the npm registry. */
export const RUNTIMES = { deno: '2.9.6', bun: '1.4.5' };
export const JEST = '30.5.2';
/** The newest line that Next.js 14 works with. */
export const TYPESCRIPT = '5.9.3';
export const NODE_TYPES = '20.19.43';

/**
 * Not the full product: every value stands with every line of Next.js where it exists. (14.2 builds with webpack only.)
 * `config` is `'withSSE'` unless it is `'none'`: then next.config says nothing of ssekit.
 */
export const CELLS = [
  { line: '14.2', manager: 'npm', mode: 'dev', bundler: 'webpack', node: 20 },
  { line: '14.2', manager: 'npm', mode: 'start', bundler: 'webpack', node: 24 },
  { line: '14.2', manager: 'npm', mode: 'start', bundler: 'webpack', node: 22, config: 'none' },
  { line: '14.2', manager: 'pnpm', mode: 'dev', bundler: 'turbopack', node: 22 },
  { line: '14.2', manager: 'pnpm', mode: 'standalone', bundler: 'webpack', node: 20 },
  { line: '15', manager: 'npm', mode: 'dev', bundler: 'turbopack', node: 22 },
  { line: '15', manager: 'npm', mode: 'start', bundler: 'webpack', node: 20 },
  { line: '15', manager: 'npm', mode: 'standalone', bundler: 'webpack', node: 22 },
  { line: '15', manager: 'npm', mode: 'start', bundler: 'webpack', node: 22, config: 'none' },
  { line: '15', manager: 'pnpm', mode: 'dev', bundler: 'webpack', node: 24 },
  { line: '15', manager: 'pnpm', mode: 'start', bundler: 'turbopack', node: 24 },
  { line: '15', manager: 'pnpm', mode: 'standalone', bundler: 'turbopack', node: 20 },
  { line: '16', manager: 'npm', mode: 'dev', bundler: 'turbopack', node: 24 },
  { line: '16', manager: 'npm', mode: 'start', bundler: 'turbopack', node: 20 },
  { line: '16', manager: 'npm', mode: 'start', bundler: 'turbopack', node: 22, config: 'none' },
  { line: '16', manager: 'npm', mode: 'standalone', bundler: 'webpack', node: 24 },
  { line: '16', manager: 'pnpm', mode: 'dev', bundler: 'webpack', node: 20 },
  { line: '16', manager: 'pnpm', mode: 'start', bundler: 'webpack', node: 22 },
  { line: '16', manager: 'pnpm', mode: 'standalone', bundler: 'turbopack', node: 22 },
];

export function nameOf({ line, manager, mode, bundler, node, config = 'withSSE' }) {
  return `next ${line} ${mode} ${bundler} node ${node} ${manager}${config === 'none' ? ' without withSSE' : ''}`;
}
