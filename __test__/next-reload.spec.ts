/** `next dev`: an edit replaces the app's modules. The hub is not one of them, and its clients do not notice. */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { closeTabs, openBrowser, Person } from './support/browser';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

const WEBHOOK = 'app/api/webhooks/payment/route.ts';

afterAll(removeApps);

let app: NextApp;
let server: NextServer;
beforeAll(async () => {
  app = NextApp.copy();
  // With its folder, as `next dev` has it by default.
  server = await app.serve('dev', { keeps: true });
  expect(await server.call('ready')).toBe(true);
  // Tells with each payment which state of features/sse the webhook was loaded with.
  app.edit('features/sse/index.ts', (text) => `${text}\nexport const generation: number = 0;\n`);
  app.edit(WEBHOOK, (text) =>
    text
      .replace('import { SSEService }', 'import { generation, SSEService }')
      .replace('data: {', 'data: {\n        generation,'),
  );
}, BUILD_TIMEOUT_MS);
afterEach(async () => {
  closeClients();
  await until('every client to be gone', async () => (await server.state()).clients.length === 0);
});

const pay = (userId: string): Promise<unknown> =>
  server.post('/api/webhooks/payment', { event: 'payment.completed', userId, amount: 1 });

/** Pays until a payment was sent by code of this generation. */
const payUntil = (generation: number, client: RawClient): Promise<true> =>
  until(`generation ${generation}`, async () => {
    await pay('ada');
    return generationsSeenBy(client).includes(generation);
  });

function generationsSeenBy(client: RawClient): number[] {
  const payments = client.events().filter(({ event }) => event === 'payment-completed');
  return payments.map(({ data }) => JSON.parse(data).generation);
}

const readies = (client: RawClient): number => client.events().filter(({ event }) => event === 'ssekit:ready').length;

test('clients stay connected when features/sse reloads', async () => {
  const [ada, grace] = await Promise.all(['ada', 'grace'].map((user) => server.streamOf(user)));
  const first = await RawClient.stream(server.port, ada);
  const bystander = await RawClient.stream(server.port, grace);
  const ids = [(await first.ready()).clientId, (await bystander.ready()).clientId];
  const { connects, epoch } = (await server.state()).stats;
  await payUntil(0, first);

  for (const generation of [1, 2, 3]) {
    app.edit('features/sse/index.ts', (text) => text.replace(/= \d+;/, `= ${generation};`));
    await payUntil(generation, first);
    const { clients, stats } = await server.state();
    expect(clients.toSorted()).toEqual(ids.toSorted());
    expect(stats).toMatchObject({ connects, epoch, transports: { opening: 0, handoff: 2, stream: 0 } });
  }

  const { cluster } = (await server.state()).stats;
  expect(cluster).toMatchObject({ link: 'up', outages: 0, nodes: 0, dir: join(realpathSync(app.folder), '.data') });

  const seen = generationsSeenBy(first);
  expect(seen).toEqual(seen.toSorted());
  expect([first.ended, bystander.ended]).toEqual([false, false]);
  expect([readies(first), readies(bystander)]).toEqual([1, 1]);
  expect(generationsSeenBy(bystander)).toEqual([]);
  expect(server.complaints).toEqual([]);
});

test('a reloaded route sends new events to earlier clients', async () => {
  const client = await RawClient.stream(server.port, await server.streamOf('ada'));
  app.edit(WEBHOOK, (text) =>
    text.replace(
      'return Response',
      "SSEService.getInstance().broadcast({ event: 'marker', data: null });\n  return Response",
    ),
  );
  await until('the marker', async () => {
    await pay('ada');
    return client.events().some(({ event }) => event === 'marker');
  });
  expect(readies(client)).toBe(1);
  expect(server.complaints).toEqual([]);
});

test('a stream of a reloaded route joins the others', async () => {
  const ada = await server.streamOf('ada');
  const before = await RawClient.stream(server.port, ada);
  app.edit('app/api/sse/route.ts', (text) =>
    text.replace('return { userId: user.id,', "return { userId: user.id, headers: { 'x-edited': 'yes' },"),
  );
  const after = await until('a stream of the reloaded route', async () => {
    const client = await RawClient.stream(server.port, ada);
    if (client.headerLines.includes('x-edited: yes')) return client;
    const { clientId } = await client.ready();
    client.end();
    await until('it to be gone', async () => !(await server.state()).clients.includes(clientId));
    return undefined;
  });
  expect(await server.call('sendToUser', 'ada', { event: 'both', data: null })).toBe(2);
  for (const client of [before, after]) {
    await until('the event', () => client.events().some(({ event }) => event === 'both'));
  }
  expect(server.complaints).toEqual([]);
});

test('a page in the browser stays connected', async () => {
  const browser = await openBrowser();
  try {
    const person = await Person.logIn(browser, server.url, 'ada');
    const tab = await person.openTab();
    const clientId = await tab.clientId();
    app.edit('features/sse/index.ts', (text) => text.replace(/= \d+;/, '= 100;'));
    await until('a payment by the edited code', async () => {
      await pay('ada');
      return (await tab.events()).some(({ type, data }) => type === 'payment-completed' && data.generation === 100);
    });
    await tab.isIn('live');
    expect(await tab.clientId()).toBe(clientId);
    expect(await tab.page.getByTestId('reconnects').innerText()).toBe('0');
    expect(await closeTabs()).toEqual([]);
  } finally {
    await browser.close();
  }
});
