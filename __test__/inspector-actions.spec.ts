/** The commands of the inspector's page to its server: to send an event, and to disconnect somebody. */
import { client, clientsTick, hello } from './support/inspector-lines';
import { InspectorTab, inspectorTests } from './support/inspector-tab';
import { until } from './support/until';

const used = inspectorTests();

const live = async (): Promise<InspectorTab> =>
  (await InspectorTab.live(used, [clientsTick([client('c1'), client('c2', { user: null })])]))[0];

describe('every request', () => {
  test('is JSON from the own origin, to the own URL', async () => {
    const tab = await live();
    const [{ headers, url }] = used.server.posted as [(typeof used.server.posted)[number]];
    expect(url).toBe('/admin/inspector');
    expect(headers).toMatchObject({
      origin: used.server.origin,
      'content-type': 'application/json',
      'sec-fetch-site': 'same-origin',
    });
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('referer');
    expect(used.server.posted[0]?.text).toBe('{"watch":{}}');
    await tab.id('filter').fill(' ada ');
    await used.server.watch(2);
    expect(used.server.posted[1]?.text).toBe('{"watch":{"find":"ada"}}');
  });
});

describe('sending', () => {
  test.each([
    ['user', 'ada "quoted"', '{"user":"ada \\"quoted\\""}'],
    ['client', 'c1', '{"client":"c1"}'],
    ['channel', 'room:1', '{"channel":"room:1"}'],
    ['all', '', '{"all":true}'],
  ])('to a %s takes the data as it was typed', async (kind, name, to) => {
    const tab = await live();
    used.server.answer = { receivers: 3 };
    await tab.page.keyboard.press('s');
    await tab.id('send-kind').selectOption(kind);
    if (name) await tab.id('send-name').fill(name);
    await tab.id('send-event').fill('news');
    await tab.id('send-data').fill('{ "n": 12345678901234567890 }');
    await tab.page.getByRole('button', { name: 'Send', exact: true }).click();
    expect(await used.server.command()).toBe(
      `{"send":{"to":${to},"event":"news","data":{ "n": 12345678901234567890 }}}`,
    );
    await tab.reads('send-result', 'Sent to 3 clients.');
  });

  test('without a name sends a message', async () => {
    const tab = await live();
    used.server.answer = { receivers: 0 };
    await tab.id('send').click();
    await tab.id('send-kind').selectOption('all');
    await tab.id('send-submit').click();
    expect(await used.server.command()).toBe('{"send":{"to":{"all":true},"event":"message","data":{}}}');
    await tab.reads('send-result', 'Sent, but no such client is connected.');
  });

  test('what is not JSON is said at the field', async () => {
    const tab = await live();
    await tab.page.keyboard.press('s');
    await tab.id('send-name').fill('ada');
    await tab.id('send-data').fill('{ "a": 1, }');
    await tab.id('send-submit').click();
    await tab.reads('send-data-problem', 'This is not JSON');
    const field = tab.id('send-data');
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(used.server.posted).toHaveLength(1);
    await field.fill('null');
    expect(await field.getAttribute('aria-invalid')).toBe('false');
    await tab.id('send-submit').click();
    expect(await used.server.command()).toBe('{"send":{"to":{"user":"ada"},"event":"message","data":null}}');
  });

  test('shows the sentence of a server that refuses', async () => {
    const tab = await live();
    used.server.refusals = [{ status: 413, error: 'The event is too large.' }];
    await tab.id('send').click();
    await tab.id('send-kind').selectOption('all');
    await tab.id('send-submit').click();
    await tab.reads('send-result', 'The event is too large.');
    expect(await tab.id('send-submit').isEnabled()).toBe(true);
  });

  test('begins with the client of a row', async () => {
    const tab = await live();
    await tab.clients.filter({ hasText: 'c1' }).click();
    await tab.page.getByRole('button', { name: 'Send to client…' }).click();
    expect(await tab.id('send-kind').inputValue()).toBe('client');
    expect(await tab.id('send-name').inputValue()).toBe('c1');
  });
});

describe('disconnecting', () => {
  test('a client asks first, and Cancel does nothing', async () => {
    const tab = await live();
    const dialog = tab.id('disconnect-dialog');
    await tab.page.getByRole('button', { name: 'Disconnect client c1' }).click();
    await tab.reads('disconnect-text', 'Disconnect client c1? It belongs to user ada.');
    // The harmless button has the focus.
    await tab.page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    expect(used.server.posted).toHaveLength(1);
    used.server.answer = { disconnected: 1 };
    await tab.page.getByRole('button', { name: 'Disconnect client c1' }).click();
    await tab.id('disconnect-submit').click();
    expect(await used.server.command()).toBe('{"disconnect":{"client":"c1"}}');
    await dialog.waitFor({ state: 'hidden' });
    await tab.reads('live', 'Disconnected 1 client.');
  });

  test('a user is in the row of each client of theirs', async () => {
    const tab = await live();
    await tab.clients.filter({ hasText: 'c2' }).click();
    expect(await tab.page.getByRole('button', { name: 'Disconnect user…' }).count()).toBe(0);
    await tab.clients.filter({ hasText: 'c1' }).click();
    used.server.answer = { disconnected: 2 };
    await tab.page.getByRole('button', { name: 'Disconnect user…' }).click();
    await tab.id('disconnect-submit').click();
    expect(await used.server.command()).toBe('{"disconnect":{"user":"ada"}}');
  });

  test('shows the sentence of a server that refuses', async () => {
    const tab = await live();
    used.server.refusals = [{ status: 403, error: 'You may not disconnect anybody.' }];
    await tab.page.getByRole('button', { name: 'Disconnect client c1' }).click();
    await tab.id('disconnect-submit').click();
    await tab.reads('disconnect-result', 'You may not disconnect anybody.');
  });
});

test('without the rights, the page says how to get them', async () => {
  const tab = await InspectorTab.open(used);
  const rights = { data: true, send: false, disconnect: false };
  (await used.server.watch(1)).write(hello({ rights }), clientsTick([client('c1')]));
  await tab.clients.first().click();
  await tab.clients.getByText('Disconnecting is off. To allow it, let authorize return { disconnect: true }').waitFor();
  expect(await tab.page.getByRole('button', { name: /Disconnect (client|user)/ }).count()).toBe(0);
  await tab.id('send').click();
  await until('the reason', () => tab.id('send-off').isVisible());
  expect(await tab.id('send-off').textContent()).toContain(
    'Sending is off. To allow it, let authorize return { send: true }',
  );
  expect(await tab.id('send-data').isDisabled()).toBe(true);
  expect(await tab.id('send-submit').isDisabled()).toBe(true);
});
