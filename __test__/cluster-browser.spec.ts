/** A real browser with the app on two servers and a worker beside them. */
import type { Browser } from 'playwright-core';
import { closeTabs, openBrowser, Person, type Tab, type TabEvent } from './support/browser';
import { Cluster, stopClusters } from './support/cluster';
import { announcement, expectOrders, payment } from './support/example-events';
import { BUILD_TIMEOUT_MS, NextApp, removeApps } from './support/next-app';
import { until } from './support/until';

let browser: Browser;
let nodes: Record<'A' | 'B', string>;
let url: string;
/** Each has logged in at one server and stays there. */
let adaAtA: Person;
let adaAtB: Person;
let graceAtB: Person;

beforeAll(async () => {
  const [opened, app] = await Promise.all([openBrowser(), NextApp.built()]);
  browser = opened;
  ({ nodes, url } = (await Cluster.start(app.folder)).addresses);
  [adaAtA, adaAtB, graceAtB] = await Promise.all([
    Person.logIn(browser, nodes.A, 'ada'),
    Person.logIn(browser, nodes.B, 'ada'),
    Person.logIn(browser, nodes.B, 'grace'),
  ]);
}, BUILD_TIMEOUT_MS);
afterEach(async () => expect(await closeTabs()).toEqual([]));
afterAll(async () => {
  await browser?.close();
  await stopClusters();
  await removeApps();
});

const openTabs = (...people: Person[]): Promise<Tab[]> => Promise.all(people.map((person) => person.openTab()));

async function post(address: string, body: object): Promise<unknown> {
  const answer = await fetch(address, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return answer.json();
}

/** Calls the provider's webhook at the server that it happens to reach. */
const pay = (node: string, userId: string, amount: number): Promise<unknown> =>
  post(`${node}/api/webhooks/payment`, { event: 'payment.completed', userId, amount });

/** The server that holds a tab's stream, as the tab shows it. */
const nodeOf = (tab: Tab): Promise<string | null> => tab.page.getByTestId('node').textContent();

const reconnectsOf = async (tab: Tab): Promise<number> =>
  Number(await tab.page.getByTestId('reconnects').textContent());

/** The application's events in each tab. A last broadcast comes after everything sent before. */
async function eventsOf(...tabs: Tab[]): Promise<TabEvent[][]> {
  const event = { event: 'system-announcement', data: { message: 'last word' } };
  await post(`${nodes.A}/api/test/service`, { method: 'broadcast', args: [event] });
  const all = tabs.map(async (tab) => {
    const events = await tab.eventsUntil('the last word', ({ data }) => data.message === 'last word');
    return events.filter(({ type }) => !['ssekit:ready', 'presence', 'node'].includes(type)).slice(0, -1);
  });
  return Promise.all(all);
}

test('a webhook at one server reaches only its user at the other', async () => {
  const [ada, grace] = await openTabs(adaAtA, graceAtB);
  expect([await nodeOf(ada), await nodeOf(grace)]).toEqual(['A', 'B']);
  await pay(nodes.A, 'grace', 12.5);
  await pay(nodes.B, 'ada', 7);
  await pay(nodes.A, 'grace', 3);
  await grace.eventsUntil('the second payment', ({ data }) => data.amount === 3);
  await ada.eventsUntil('the payment', ({ data }) => data.amount === 7);
  expect(await eventsOf(ada, grace)).toMatchObject([[payment(7)], [payment(12.5), payment(3)]]);
  expect(await grace.page.getByTestId('inbox').innerText()).toContain('Payment of 12.50 completed');
});

test("the worker reports an order's progress at both servers in order", async () => {
  const [here, there, other] = await openTabs(adaAtA, adaAtB, graceAtB);
  await here.click('button-order');
  await here.click('button-order-fail');
  for (const tab of [here, there]) {
    await tab.eventsUntil('the end of one', ({ type }) => type === 'order-completed');
    await tab.eventsUntil('the end of the other', ({ type }) => type === 'order-error');
  }
  const [atA, atB, ofOther] = await eventsOf(here, there, other);
  expectOrders(atA);
  // The same events, in the same order, by the same ids: either server can go on where the other was.
  expect(atB).toEqual(atA);
  expect(ofOther).toEqual([]);
});

test('a broadcast reaches both servers, except the excluded tab', async () => {
  const [excluded, sibling, other] = await openTabs(adaAtA, adaAtB, graceAtB);
  await excluded.click('button-broadcast');
  await excluded.eventsUntil('its own broadcast', ({ data }) => data.message === 'Hello from Ada');
  await excluded.page.getByTestId('input-message').fill('to all but me');
  await excluded.click('button-broadcast-except-me');
  for (const tab of [sibling, other]) {
    await tab.eventsUntil('the other broadcast', ({ data }) => data.message === 'to all but me');
  }
  const [first, ...others] = await eventsOf(excluded, sibling, other);
  expect(first).toMatchObject([announcement('Hello from Ada')]);
  for (const events of others) {
    expect(events).toMatchObject([announcement('Hello from Ada'), announcement('to all but me')]);
  }
});

test('a tab that nginx moves to the other server misses nothing', async () => {
  const ada = await Person.logIn(browser, url, 'ada');
  const [tab] = await openTabs(ada);
  let amount = 0;
  let events: TabEvent[] | undefined;
  while (!events) {
    const before = await nodeOf(tab);
    const clientId = await tab.clientId();
    const reconnects = await reconnectsOf(tab);
    const at = before === 'A' ? nodes.A : nodes.B;
    await post(`${at}/api/test/service`, { method: 'disconnectClient', args: [clientId] });
    for (const node of [nodes.A, nodes.B, nodes.A]) {
      await pay(node, 'ada', ++amount);
      // All servers agree on one order. What one has sent before another comes first if the history has it by then.
      await post(`${node}/api/test/service`, { method: 'flush', args: [] });
    }
    // nginx deals requests out in turn, and the page makes others beside its stream's: by chance one more, or all could go to the same
    // server for ever.
    if (Math.random() < 0.5) await fetch(url);
    await until('it to have come back', async () => {
      // The client waits longer each time that a stream ends soon, but not once there is a network again.
      await tab.page.evaluate(() => dispatchEvent(new Event('online')));
      return (await reconnectsOf(tab)) > reconnects;
    });
    await tab.isIn('live');
    if ((await nodeOf(tab)) === before) continue;
    events = await tab.eventsUntil('the last payment', ({ data }) => data.amount === amount);
  }
  const payments = events.filter(({ type }) => type === 'payment-completed').map(({ data }) => Number(data.amount));
  // A tab shows only the newest of many.
  const first = payments[0] as number;
  expect(payments).toEqual(Array.from({ length: amount - first + 1 }, (_, index) => first + index));
  expect(payments.length).toBeGreaterThanOrEqual(3);
  expect(events.filter(({ type }) => type === 'ssekit:reset')).toEqual([]);
  expect(events.filter(({ type, data }) => type === 'ssekit:ready' && data.resumed)).not.toEqual([]);
});
