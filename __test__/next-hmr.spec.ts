/** `next dev`: a component that uses the hooks is edited. Its page has the same stream before and after, and misses nothing meanwhile. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EnginePage, inEachEngine } from './support/engines';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { until } from './support/until';

const COMPONENT = 'app/test/hooks/live.tsx';

const FILES: Record<string, string> = {
  'app/test/hooks/page.tsx': `
    import { cursor } from 'ssekit/next';
    import { Live } from './live';
    export default async function Page() {
      return <Live since={await cursor()} />;
    }`,
  [COMPONENT]: `
    'use client';
    import { useRef } from 'react';
    import { SSEProvider, useConnection, useEvent, useLive } from 'ssekit/react';
    const generation: number = 0;
    function Lines({ since }: { since: string }) {
      // another hook of Lines
      const lines = useLive<string[]>([], {
        since,
        apply: (list, { event, data }) => (event === 'notification' ? [...list, (data as { message: string }).message] : list),
        refetch: async () => ({ data: ['fetched'] }),
      });
      useEvent('notification', ({ message }) => {
        const page = globalThis as { heard?: string[] };
        (page.heard ??= []).push(message);
      });
      return (
        <>
          <p id="state">{useConnection().state}</p>
          <p id="generation">{generation}</p>
          <p id="lines">{lines.join()}</p>
        </>
      );
    }
    export function Live({ since }: { since: string }) {
      // another hook of Live
      return (
        <SSEProvider url="/api/test/client" since={since}>
          <Lines since={since} />
        </SSEProvider>
      );
    }`,
};

let app: NextApp;
let server: NextServer;
beforeAll(async () => {
  app = NextApp.copy();
  mkdirSync(join(app.folder, 'app/test/hooks'));
  for (const [file, text] of Object.entries(FILES)) writeFileSync(join(app.folder, file), text);
  server = await app.serve('dev');
}, BUILD_TIMEOUT_MS);
afterAll(removeApps);

let generation = 0;

/** Edits the component. Its next generation shows in the page once that has the edit. */
function edit(change: (text: string) => string = (text) => text): number {
  generation += 1;
  app.edit(COMPONENT, (text) => change(text).replace(/number = \d+/, `number = ${generation}`));
  return generation;
}

const send = (message: string): Promise<unknown> =>
  server.call('sendToUser', 'ada', { event: 'notification', data: { message } });

inEachEngine((browser) => {
  let page: EnginePage;

  const reads = (id: string, wanted: string): Promise<unknown> => {
    const text = () => page.evaluate((id) => document.getElementById(id)?.textContent, id);
    return until(`${id} to be ${wanted}`, async () => (await text()) === wanted);
  };

  test.each<[what: string, change: (text: string) => string]>([
    ['keeps its state', (text) => text],
    ['is mounted again', (text) => text.replace(/\/\/ another hook of Lines/, '$&\n      useRef(0);')],
    [
      'is mounted again with its provider',
      (text) => text.replace(/\/\/ another hook of Live\n/, '$&      useRef(0);\n'),
    ],
  ])(
    'a component that is edited and %s has the same stream, and each event once',
    async (_, change) => {
      page = await browser().open(`${server.url}/test/hooks`);
      await reads('state', 'open');
      await page.evaluate(() => void Object.assign(globalThis, { isSame: true }));
      await send('one');
      await reads('lines', 'one');
      const { connects } = await server.call('stats');
      const edited = edit(change);
      await send('during');
      await reads('generation', String(edited));
      await send('after');
      await reads('lines', 'one,during,after');
      await reads('state', 'open');
      // A page that was loaded again would know no better.
      expect(await page.evaluate(() => 'isSame' in globalThis)).toBe(true);
      expect(await page.evaluate(() => (globalThis as { heard?: string[] }).heard)).toEqual(['one', 'during', 'after']);
      expect(await server.call('stats')).toMatchObject({ connects, clients: 1 });
      await page.close();
      await until('it to be gone', async () => (await server.call('stats')).clients === 0);
      expect(server.complaints).toEqual([]);
    },
    120_000,
  );
});
