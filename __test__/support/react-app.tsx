/** A page of `ssekit/react` that a test drives by `globalThis.app`. It is bundled, so it is not part of the test's own program. */
import * as React from 'react';
import { StrictMode, useState } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import {
  SSEProvider,
  useChannel,
  useConnection,
  useEvent,
  useLatest,
  useLive,
  usePresence,
  useRefreshOn,
} from 'ssekit/react';

export interface Props {
  /** Whether there is a provider at all. */
  isShown: boolean;
  parts: string[];
  user: string;
  /** Of the provider. */
  since?: string;
  /** The state that the server has rendered, and its cursor. */
  initial: unknown[];
  rendered?: string;
  channel?: string;
  tag: string;
  isHidden: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: the app of a test, in two versions of React.
const shared = globalThis as any;
shared.heard ??= [];
shared.refreshes ??= 0;

const refetch = async () => (await fetch('/state')).json();

function Event({ tag }: Props) {
  useEvent('number', (data) => shared.heard.push(`${tag}${data}`));
  return null;
}

function Live({ initial, rendered }: Props) {
  const apply = (list: unknown[], { event, data }: { event: string; data: unknown }) =>
    event === 'number' ? [...list, data] : list;
  return <i id="live">{useLive(initial, { since: rendered, apply, refetch }).join()}</i>;
}

function Latest() {
  return <i id="latest">{String(useLatest('number', 'none'))}</i>;
}

function Status() {
  return <i id="status">{useConnection().state}</i>;
}

function Channel({ channel = '', rendered }: Props) {
  useChannel(channel, { since: rendered });
  return null;
}

function Presence({ channel = '', rendered }: Props) {
  const options = { since: rendered, refetch: async () => ({ data: [] }) };
  return (
    <i id="presence">
      {usePresence(channel, [], options)
        .map(({ userId }) => userId)
        .join()}
    </i>
  );
}

function Refresh() {
  useRefreshOn({ refresh: () => (shared.refreshes += 1) }, ['number']);
  return null;
}

const PARTS: Record<string, React.ComponentType<Props>> = {
  event: Event,
  live: Live,
  latest: Latest,
  status: Status,
  channel: Channel,
  presence: Presence,
  refresh: Refresh,
};

const Activity = (React as { Activity?: React.ComponentType<{ mode: string; children?: React.ReactNode }> }).Activity;

function App(first: Props) {
  const [props, set] = useState(first);
  shared.app = (more: Partial<Props>) => set((old) => ({ ...old, ...more }));
  const parts = props.parts.map((name, at) => {
    const Part = PARTS[name] as React.ComponentType<Props>;
    // The same part may be there twice, and none changes its place.
    // biome-ignore lint/suspicious/noArrayIndexKey: see above.
    return <Part key={`${name}${at}`} {...props} />;
  });
  if (!props.isShown) return null;
  return (
    <SSEProvider url="/sse" user={props.user} since={props.since}>
      {Activity ? <Activity mode={props.isHidden ? 'hidden' : 'visible'}>{parts}</Activity> : parts}
    </SSEProvider>
  );
}

const whole = (props: Props) => (
  <StrictMode>
    <App {...props} />
  </StrictMode>
);

export const render = (props: Props): string => renderToString(whole(props));

shared.hydrate = (props: Props) => void hydrateRoot(document.getElementById('root') as HTMLElement, whole(props));
