/** The context by which a provider gives its stream to the hooks below it. */
import { createContext, useContext } from 'react';
import type { EventStream } from './stream.js';

export const Context = createContext<EventStream | undefined>(undefined);

export function useStream(): EventStream {
  const stream = useContext(Context);
  if (!stream) throw new Error('ssekit: there is no <SSEProvider> around this component');
  return stream;
}
