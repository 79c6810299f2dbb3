/** A page of `ssekit/react` that a test drives by `globalThis.app`. It is bundled, so it is not part of the test's own program. */
import * as React from 'react';
import { StrictMode, useEffect, useState } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { SSEDevtools } from 'ssekit/devtools';
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
  url?: string;
  /** The channels of the provider. */
  channels?: string[];
  /** What the provider's functions are told apart by, if it has any: `auth`, `onReset`. */
  functions?: string;
  /** A second provider beside the first. Its parts have ids that begin with its tag. */
  second?: { url: string; tag: string; parts: string[] } | null;
}

// biome-ignore lint/suspicious/noExplicitAny: the app of a test, in two versions of React.
const shared = globalThis as any;
shared.heard ??= [];
shared.refreshes ??= 0;
shared.resets ??= [];
/** Components with an effect for events. */
shared.listening ??= 0;

const refetch = async () => (await fetch('/state')).json();

function Event({ tag }: Props) {
  useEvent('number', (data) => shared.heard.push(`${tag}${data}`));
  useEffect(() => {
    shared.listening += 1;
    return () => {
      shared.listening -= 1;
    };
  }, []);
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

function Status({ second, tag }: Props) {
  return <i id={second ? `${tag}status` : 'status'}>{useConnection().state}</i>;
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
  devtools: SSEDevtools,
  event: Event,
  live: Live,
  latest: Latest,
  status: Status,
  channel: Channel,
  presence: Presence,
  refresh: Refresh,
};

const Activity = (React as { Activity?: React.ComponentType<{ mode: string; children?: React.ReactNode }> }).Activity;

/** Functions that are others with each render, as most apps have them. */
const functionsOf = (tag: string) => ({
  auth: () => ({ headers: { authorization: tag } }),
  onReset: () => shared.resets.push(tag),
});

function Parts(props: Props) {
  return props.parts.map((name, at) => {
    const Part = PARTS[name] as React.ComponentType<Props>;
    // The same part may be there twice, and none changes its place.
    // biome-ignore lint/suspicious/noArrayIndexKey: see above.
    return <Part key={`${name}${at}`} {...props} />;
  });
}

function App(first: Props) {
  const [props, set] = useState(first);
  shared.app = (more: Partial<Props>) => set((old) => ({ ...old, ...more }));
  const { user, since, url = '/sse', channels, functions, second } = props;
  const parts = <Parts {...props} second={null} />;
  if (!props.isShown) return null;
  return (
    <>
      <SSEProvider {...{ url, user, since, channels }} {...(functions && functionsOf(functions))}>
        {Activity ? <Activity mode={props.isHidden ? 'hidden' : 'visible'}>{parts}</Activity> : parts}
      </SSEProvider>
      {second && (
        <SSEProvider url={second.url} user={user} since={since}>
          <Parts {...props} {...second} />
        </SSEProvider>
      )}
    </>
  );
}

const whole = (props: Props) => (
  <StrictMode>
    <App {...props} />
  </StrictMode>
);

export const render = (props: Props): string => renderToString(whole(props));

shared.hydrate = (props: Props) => void hydrateRoot(document.getElementById('root') as HTMLElement, whole(props));
