/** The browser engines behind one interface: a test of what holds in all of them is written once. */
import { Chromium } from './chromium';
import { Firefox } from './firefox';
import { WebKit } from './webkit';

/** A tab. */
export interface EnginePage {
  evaluate<A extends unknown[], R>(body: (...args: A) => R, ...args: A): Promise<Awaited<R>>;
  goto(url: string): Promise<void>;
  back(): Promise<void>;
  close(): Promise<void>;
  /** Missing in WebKitGTK, whose driver cannot take a network away. */
  setOffline?(isOffline: boolean): Promise<void>;
}

export interface EngineBrowser {
  open(url: string): Promise<EnginePage>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

export type EngineName = 'Chromium' | 'Firefox' | 'WebKitGTK';

/** A browser trusts no page of this host, so its pages are without locks and the like. It leads to this machine. */
export const UNSAFE = 'app.test';

const ENGINES: [name: EngineName, start: () => Promise<EngineBrowser>, isHere: boolean][] = [
  ['Chromium', () => Chromium.start([`--host-resolver-rules=MAP ${UNSAFE} 127.0.0.1`]), true],
  ['Firefox', () => Firefox.start({ 'network.dns.localDomains': UNSAFE }), true],
  // Elsewhere, there is none that a test could drive.
  ['WebKitGTK', WebKit.start, process.platform === 'linux'],
];

/** Defines the same tests for each engine, but for those that the test gives a reason for. Each begins without tabs, cookies and caches. */
export function inEachEngine(
  define: (browser: () => EngineBrowser, name: EngineName) => void,
  without?: EngineName,
): void {
  for (const [name, start, isHere] of ENGINES) {
    if (name === without) continue;
    (isHere ? describe : describe.skip)(name, () => {
      let browser: EngineBrowser | undefined;
      beforeAll(async () => {
        browser = await start();
      }, 120_000);
      beforeEach(() => browser?.reset());
      afterAll(() => browser?.close());
      define(() => browser as EngineBrowser, name);
    });
  }
}
