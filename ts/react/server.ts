/**
 * The hooks on a server: each gives what a page has before it hydrates. Nothing is asked of React there, because Next.js leaves the
 * package out of its bundles. So this module would get another React than the components that are rendered, and its hooks would throw.
 */
import type { inPage } from './page.js';
import { NO_CONNECTION } from './stream.js';

const nothing = (): void => {};
const initial = <T>(value: T): T => value;
const second = (_: unknown, value?: unknown): never => value as never;

export const onServer: typeof inPage = {
  SSEProvider: ({ children }) => children as never,
  useChannel: nothing,
  useConnection: () => NO_CONNECTION,
  useEvent: nothing,
  useLatest: second,
  useLive: initial,
  usePresence: second,
  useRefreshOn: nothing,
};
