/** A tab with an order's page, and the events that its stream really brought. It has its own, because a shared one is the worker's. */
import { createParser } from 'eventsource-parser';
import type { CDPSession, Page, Route } from 'playwright-core';
import type { Person } from './browser';
import { until } from './until';

interface StreamedEvent {
  name: string;
  data: Record<string, unknown>;
}

export class OrderTab {
  readonly page: Page;
  /** The requests that have opened a stream. */
  readonly opened: string[] = [];
  readonly #streamed: StreamedEvent[] = [];
  #held: Route | undefined;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Opens an order, and waits for its stream. */
  static async open(person: Person, url: string): Promise<OrderTab> {
    const tab = await OrderTab.#of(person);
    await tab.page.goto(`${url}?share=false`, { waitUntil: 'commit' });
    await tab.isLive();
    return tab;
  }

  /** Opens an order, and keeps its first request for a stream from the server. */
  static async held(person: Person, url: string): Promise<OrderTab> {
    const tab = await OrderTab.#of(person);
    const hold = (route: Route): void => {
      tab.#held = route;
    };
    await tab.page.route(/\/api\/sse\?/, hold, { times: 1 });
    await tab.page.goto(`${url}?share=false`, { waitUntil: 'commit' });
    await until('the page to ask for its stream', () => tab.#held);
    return tab;
  }

  static async #of(person: Person): Promise<OrderTab> {
    const tab = new OrderTab(await person.newPage());
    tab.page.on('request', (request) => {
      if (request.method() === 'GET' && new URL(request.url()).pathname === '/api/sse') tab.opened.push(request.url());
    });
    const devtools = await tab.page.context().newCDPSession(tab.page);
    await devtools.send('Network.enable');
    devtools.on('Network.responseReceived', ({ requestId, response }) => {
      if (response.mimeType === 'text/event-stream') void tab.#read(devtools, requestId);
    });
    return tab;
  }

  /** Reads the body of a stream beside the page. */
  async #read(devtools: CDPSession, requestId: string): Promise<void> {
    const parser = createParser({
      onEvent: ({ event: name = 'message', data }) => this.#streamed.push({ name, data: JSON.parse(data) }),
    });
    const decoder = new TextDecoder();
    const feed = (base64: string): void => parser.feed(decoder.decode(Buffer.from(base64, 'base64'), { stream: true }));
    devtools.on('Network.dataReceived', (part) => {
      if (part.requestId === requestId && part.data) feed(part.data);
    });
    const { bufferedData } = await devtools.send('Network.streamResourceContent', { requestId });
    feed(bufferedData);
  }

  async release(): Promise<void> {
    await this.#held?.continue();
    await this.isLive();
  }

  async isLive(): Promise<void> {
    await this.page.locator('[data-testid="connection-state"][data-state="live"]').waitFor();
  }

  /** The texts of the order's entries, as the page shows them. */
  entries(): Promise<(string | undefined)[]> {
    return this.page.getByTestId('entry').evaluateAll((entries) => entries.map((entry) => entry.dataset.text));
  }

  /** Waits until such an entry is shown, and returns all. */
  async entriesUntil(last: string): Promise<(string | undefined)[]> {
    await this.page.locator(`[data-testid="entry"][data-text="${last}"]`).first().waitFor();
    return this.entries();
  }

  /** The texts of the entries that have come by the stream. */
  get streamed(): unknown[] {
    return this.#streamed.filter(({ name }) => name === 'order-entry').map(({ data }) => data.text);
  }

  /** The number of times that the stream has sent this. */
  count(name: string): number {
    return this.#streamed.filter((event) => event.name === name).length;
  }

  /** The watchers, with the number of their tabs. */
  async watchers(): Promise<Record<string, number>> {
    const lines = await this.page
      .locator('[data-testid^="watcher-"]')
      .evaluateAll((users) => users.map((user) => [user.dataset.testid?.slice(8), Number(user.dataset.tabs)]));
    return Object.fromEntries(lines);
  }

  async watchersAre(expected: Record<string, number>): Promise<void> {
    const wanted = JSON.stringify(Object.entries(expected).sort());
    await until(`the watchers ${wanted}`, async () => {
      return JSON.stringify(Object.entries(await this.watchers()).sort()) === wanted;
    });
  }

  async show(orderId: string): Promise<void> {
    await this.#click(`show-${orderId}`);
    await this.page.locator(`[data-testid="order"][data-order-id="${orderId}"]`).waitFor();
  }

  async add(step: string): Promise<void> {
    await this.#click(`add-${step}`);
  }

  async #click(testId: string): Promise<void> {
    // A tab behind others is painted seldom, and a click waits until what it is for stands still.
    await this.page.bringToFront();
    await this.page.getByTestId(testId).click();
  }
}
