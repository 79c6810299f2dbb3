/** Real Chromium: people, each with cookies of their own, and their tabs with the example app in them. */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { browserPath } from './browser-path';
import { until } from './until';

/** Chromium's own conversations with the world outside are of no use here. */
const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];

/** `keepsPages`: in the back/forward cache, as browsers do that nobody drives. */
export function openBrowser({ keepsPages = false } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath('chromium'),
    // Chromium has no sandbox for root.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-gpu', '--no-first-run', ...QUIET],
    ignoreDefaultArgs: keepsPages ? ['--disable-back-forward-cache'] : [],
  });
}

/** An event, as a tab shows it. */
export interface TabEvent {
  type: string;
  data: Record<string, unknown>;
  id: string;
}

const people = new Set<Person>();

/** Call it in `afterEach`: closes everybody's tabs, and returns the errors that their pages threw. */
export async function closeTabs(): Promise<string[]> {
  return (await Promise.all([...people].map((person) => person.closeTabs()))).flat();
}

/** A user with their own browser profile, for as long as that is open. */
export class Person {
  readonly #context: BrowserContext;
  readonly #url: string;
  #errors: string[] = [];

  private constructor(context: BrowserContext, url: string) {
    this.#context = context;
    this.#url = url;
    context.on('weberror', (error) => this.#errors.push(error.error().message));
    context.once('close', () => people.delete(this));
    people.add(this);
  }

  /** Logs in on the page. */
  static async logIn(browser: Browser, url: string, userId: string): Promise<Person> {
    // Animations would keep a processor busy that has to paint them without help.
    const context = await browser.newContext({ reducedMotion: 'reduce' });
    const person = new Person(context, url);
    const page = await person.#context.newPage();
    await page.goto(url);
    await page.getByTestId(`login-${userId}`).click();
    await Tab.of(page);
    await page.close();
    return person;
  }

  /** A new tab with nothing in it. */
  newPage(): Promise<Page> {
    return this.#context.newPage();
  }

  /** Opens the app in a new tab, and waits until its stream is live. */
  async openTab(path = '/'): Promise<Tab> {
    const page = await this.newPage();
    await page.goto(`${this.#url}${path}`, { waitUntil: 'commit' });
    return Tab.of(page);
  }

  async closeTabs(): Promise<string[]> {
    await Promise.all(this.#context.pages().map((page) => page.close()));
    const errors = this.#errors;
    this.#errors = [];
    return errors;
  }
}

/** A tab that shows the app to somebody who has logged in. */
export class Tab {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Once its stream is live. */
  static async of(page: Page): Promise<Tab> {
    const tab = new Tab(page);
    await tab.isIn('live');
    return tab;
  }

  /** Waits for a state of the connection. */
  async isIn(state: 'live' | 'reconnecting' | 'closed'): Promise<void> {
    await this.page.locator(`[data-testid="connection-state"][data-state="${state}"]`).waitFor();
  }

  async clientId(): Promise<string> {
    // The server's first event names it, a moment after the stream is open.
    const named = this.page.locator('[data-testid="client-id"]:not([data-client-id=""])');
    return (await named.getAttribute('data-client-id')) as string;
  }

  async click(testId: string): Promise<void> {
    // A tab behind others is painted seldom, and a click waits until what it is for stands still.
    await this.page.bringToFront();
    await this.page.getByTestId(testId).click();
  }

  /** The last forty events that came in, in their order. */
  async events(): Promise<TabEvent[]> {
    const lines = await this.page.getByTestId('wire').locator('li[data-type]').evaluateAll(readLines);
    return lines.reverse().map(([type, data, id]) => ({ type, data: JSON.parse(data), id }));
  }

  /** Waits until such an event has come in, and returns all that did. */
  async eventsUntil(what: string, isIt: (event: TabEvent) => boolean): Promise<TabEvent[]> {
    return until(what, async () => {
      const events = await this.events();
      // Some have no data to look into.
      return events.some((event) => event.data !== null && isIt(event)) && events;
    });
  }
}

/** Runs in the page. */
const readLines = (lines: Element[]): [type: string, data: string, id: string][] =>
  lines.map(({ children: [type, data, id] }) => [type.textContent, data.textContent, id.textContent]);
