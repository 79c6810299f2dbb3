/**
 * Real Chromium, driven by its own protocol. A driver such as Playwright keeps each page awake and in focus, and a page that is awake is
 * never frozen.
 */
import { BrowserProcess, type Result } from './browser-process';

function argumentsFor(profile: string): string[] {
  const own = ['--headless', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  // Chromium has no sandbox for root.
  if (process.getuid?.() === 0) own.push('--no-sandbox');
  return [...own, `--user-data-dir=${profile}`, '--remote-debugging-port=0', 'about:blank'];
}

export class BareChromium {
  readonly #process: BrowserProcess;

  private constructor(prepare: (profile: string) => void) {
    this.#process = new BrowserProcess('chromium', (profile) => {
      prepare(profile);
      return argumentsFor(profile);
    });
  }

  /** `prepare`: fills the folder of its profile before it starts. */
  static async start(prepare: (profile: string) => void = () => {}): Promise<BareChromium> {
    const chromium = new BareChromium(prepare);
    await chromium.#process.connect(/DevTools listening on (ws:\S+)/);
    return chromium;
  }

  /** Opens an address in a new tab. */
  async open(url: string): Promise<BarePage> {
    const { targetId } = await this.#process.call('Target.createTarget', { url });
    const { sessionId } = await this.#process.call('Target.attachToTarget', { targetId, flatten: true });
    return new BarePage((method, params) => this.#process.call(method, params, { sessionId }));
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}

/** A tab. */
export class BarePage {
  readonly #call: (method: string, params: object) => Promise<Result>;

  constructor(call: (method: string, params: object) => Promise<Result>) {
    this.#call = call;
  }

  /** Hides the page, and stops it; or lets it go on. */
  async setFrozen(isFrozen: boolean): Promise<void> {
    await this.#call('Page.setWebLifecycleState', { state: isFrozen ? 'frozen' : 'active' });
  }

  /** Runs a function in the page and returns what it returns, as far as JSON can carry it. */
  async evaluate<R>(body: () => R): Promise<R> {
    const expression = `JSON.stringify((${body})() ?? null)`;
    const { result } = await this.#call('Runtime.evaluate', { expression });
    return JSON.parse((result as { value: string }).value);
  }
}
