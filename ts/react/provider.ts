/** Gives the components below it one stream. */
import { createElement, type ReactElement, type ReactNode, useEffect, useMemo } from 'react';
import { Context } from './context.js';
import { type StreamOptions, streamOf } from './stream.js';

export interface SSEProviderProps extends StreamOptions {
  /**
   * Whose stream it is: with another user, another stream begins, which knows nothing of the first. Give it wherever users can log in
   * and out without loading the page.
   */
  user?: string | number | undefined;
  children?: ReactNode;
}

/** Connects while it is mounted. Providers with the same URL and user share one connection. */
export function SSEProvider({ children, user = '', ...options }: SSEProviderProps): ReactElement {
  const { url, channels = [] } = options;
  // biome-ignore lint/correctness/useExhaustiveDependencies: other options do not make another stream.
  const stream = useMemo(() => streamOf(options, String(user)), [url, user]);
  useEffect(() => {
    stream.options = options;
  });
  useEffect(() => stream.hold(), [stream]);
  const wanted = JSON.stringify(channels);
  useEffect(() => {
    // Another page on the same stream may be older than the stream: what came since it was rendered comes first.
    const { since } = stream.options;
    const leave = (JSON.parse(wanted) as string[]).map((channel) => stream.join(channel, since));
    return () => {
      for (const each of leave) each();
    };
  }, [stream, wanted]);
  return createElement(Context.Provider, { value: stream }, children);
}
