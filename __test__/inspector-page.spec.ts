/** The page of the inspector in Chromium: who is connected, what happens, and what the page does when its server is gone. */
import { client, clientsTick, event, feedTick, hello, NOW, tick } from './support/inspector-lines';
import { InspectorTab, inspectorTests } from './support/inspector-tab';
import { until } from './support/until';

const used = inspectorTests();

describe('clients', () => {
  const rows = [
    client('c1', { user: 'ada', channels: ['room:1', 'news'], connectedAt: NOW - 3_660_000 }),
    client('c2', { user: null, transport: 'stream', notHandedOff: 'wrapped', connectedAt: NOW - 60_000 }),
    client('c3', { user: 'ken', transport: 'listener', lag: { events: 4, ms: 250 } }),
  ];

  test('are a table with user, client, channels, transport, lag and age', async () => {
    const [tab] = await InspectorTab.live(used, [clientsTick(rows)]);
    await until('three rows', async () => (await tab.clients.count()) === 3);
    expect(await tab.clients.locator('[role=gridcell]:not(.act, .detail)').allTextContents()).toEqual(
      [
        ['ken', 'c3', '–', 'listener', '4 · 250 ms', '5 s'],
        ['anonymous', 'c2', '–', 'Node · wrapped', '–', '1 min'],
        ['ada', 'c1', 'room:1, news', 'handed off', '–', '1 h 1 min'],
      ].flat(),
    );
    expect(await tab.id('clients-grid').getAttribute('aria-rowcount')).toBe('4');
    expect(await tab.clients.first().locator('time').getAttribute('datetime')).toBe('2026-11-29T11:59:55.123Z');
  });

  test('change, leave and are sorted by a click', async () => {
    const [tab, watch] = await InspectorTab.live(used, [clientsTick(rows)]);
    await tab.clients.nth(2).waitFor();
    watch.write(clientsTick([client('c3', { user: 'zoe', connectedAt: NOW })], ['c2'], 2));
    await tab.clients.filter({ hasText: 'zoe' }).waitFor();
    const users = () => tab.clients.locator('.user').allTextContents();
    expect(await users()).toEqual(['zoe', 'ada']);
    await tab.page.getByRole('button', { name: 'User', exact: true }).click();
    expect(await users()).toEqual(['ada', 'zoe']);
    expect(await tab.id('clients-head').locator('[aria-sort]').allTextContents()).toEqual(['User']);
  });

  test('show why they were not handed off, and their data', async () => {
    const described = { data: { plan: 'pro' }, transport: 'stream', notHandedOff: 'body' } as const;
    const [tab] = await InspectorTab.live(used, [clientsTick([client('c1', described)])]);
    await tab.clients.first().click();
    const detail = tab.clients.first().locator('.detail');
    expect(await detail.locator('pre').textContent()).toBe('{\n  "plan": "pro"\n}');
    expect(await detail.textContent()).toContain('Not handed off (body): an adapter or a transform reads the body.');
  });

  test('whose application gave no data have none', async () => {
    const { data: _, ...row } = client('c1');
    const [tab] = await InspectorTab.live(used, [clientsTick([row])]);
    await tab.clients.first().click();
    expect(await tab.clients.first().locator('.detail').textContent()).toContain('Datanone');
  });

  test('that are hidden by a limit are counted', async () => {
    const clients = { changed: rows, gone: [], total: 9_000, matching: 8_000, shown: 3 };
    const [tab] = await InspectorTab.live(used, [tick({ clients })]);
    await tab.reads('clients-count', '3 shown of 8,000; filter to see others');
  });
});

describe('the feed', () => {
  test('shows an event with its time, addressee, data, receivers and cost', async () => {
    const order = event('order-completed', { data: '{"n":12345678901234567890,"of":[]}', bytes: 1_500, receivers: 4 });
    const [tab] = await InspectorTab.live(used, [feedTick(order)]);
    const row = tab.feed.first();
    const cells = ['13:00:00.123', 'order-completed', 'user ada', order.data as string, '4 ×', '6.0 kB'];
    await row.waitFor();
    expect(await row.locator('.line [role=gridcell]').allTextContents()).toEqual(cells);
    expect(await row.locator('time').first().getAttribute('datetime')).toBe('2026-11-29T12:00:00.123Z');
    await row.click();
    // Digit for digit.
    expect(await row.locator('pre').textContent()).toBe('{\n  "n": 12345678901234567890,\n  "of": []\n}');
    expect(await row.locator('.detail').textContent()).toContain('1.5 kB × 4 receivers = 6.0 kB');
    expect(await row.locator('.detail').textContent()).toContain('k3f9.17');
  });

  test('shows what else happens, with reasons, newest first', async () => {
    const at = NOW;
    const [tab] = await InspectorTab.live(used, [
      feedTick(
        { type: 'connect', at, client: 'c1', user: 'ada' },
        { type: 'disconnect', at, client: 'c1', user: null, reason: 'slow' },
        { type: 'reset', at, client: 'c2', user: 'ken', reason: 'evicted' },
        { type: 'refusal', at, reason: 'address' },
        { type: 'offline', at, user: 'ada' },
        { type: 'error', at, message: 'Redis is down' },
      ),
    ]);
    await tab.saw('Redis is down');
    expect(await tab.feed.locator('.name, .who, .text').allTextContents()).toEqual(
      [
        ['error', '', 'Redis is down'],
        ['offline', 'user ada', ''],
        ['refusal', '', 'address: limits.clientsPerAddress was reached'],
        ['reset', 'user ken', 'evicted: the history no longer has the events that it missed · client c2'],
        ['disconnect', 'anonymous', 'slow: the client lagged too much · client c1'],
        ['connect', 'user ada', 'client c1'],
      ].flat(),
    );
  });

  test('keeps 1,000 entries, and says how many events were too many', async () => {
    const many = Array.from({ length: 1_200 }, (_, n) => event(`event-${n}`));
    const [tab] = await InspectorTab.live(used, [tick({ feed: many, skipped: 1_234 })]);
    await tab.saw('1,234 more, too many to show each.');
    expect(await tab.id('feed-grid').getAttribute('aria-rowcount')).toBe('1001');
  });

  test('leaves out what is switched off', async () => {
    const [tab, watch] = await InspectorTab.live(used, [feedTick(event('first'))]);
    await tab.saw('first');
    await tab.page.getByRole('button', { name: 'Events', pressed: true }).click();
    await until('no row', async () => (await tab.feed.count()) === 0);
    watch.write(feedTick(event('second'), { type: 'online', at: NOW, user: 'ada' }));
    await tab.saw('online');
    expect(await tab.feed.count()).toBe(1);
  });

  test('holds back and counts what comes while it is paused', async () => {
    const [tab, watch] = await InspectorTab.live(used, [feedTick(event('before'))]);
    await tab.saw('before');
    await tab.page.keyboard.press('p');
    await tab.reads('held', 'Paused: 0 held back');
    watch.write(feedTick(event('during'), event('during')));
    await tab.reads('held', 'Paused: 2 held back');
    expect(await tab.feed.locator('.name').allTextContents()).toEqual(['before']);
    await tab.id('pause').click();
    await tab.saw('during');
    expect(await tab.feed.locator('.name').allTextContents()).toEqual(['during', 'during', 'before']);
  });

  test('stands still while somebody reads an entry', async () => {
    const [tab, watch] = await InspectorTab.live(used, [feedTick(event('read-me'))]);
    await tab.feed.first().click();
    watch.write(feedTick(event('later')));
    await tab.reads('held', 'Held while you read: 1 held back');
    expect(await tab.feed.first().getAttribute('aria-expanded')).toBe('true');
    await tab.page.getByRole('button', { name: 'Resume' }).click();
    await tab.saw('later');
  });

  test('goes on after a click on what cannot be opened', async () => {
    const at = NOW;
    const [tab, watch] = await InspectorTab.live(used, [feedTick({ type: 'online', at, user: 'ada' })]);
    await tab.feed.first().click();
    watch.write(feedTick({ type: 'offline', at, user: 'ada' }));
    await tab.saw('offline');
    await tab.page.keyboard.press('ArrowDown');
    await tab.reads('held', 'Held while you read: 0 held back');
    expect(await tab.page.evaluate(() => document.activeElement?.textContent)).toContain('online');
  });

  test('says that data is hidden, and how to allow it', async () => {
    const tab = await InspectorTab.open(used);
    const rights = { data: false, send: true, disconnect: true };
    (await used.server.watch(1)).write(hello({ rights }), feedTick(event('secret', { data: null })));
    await tab.id('data-hidden').waitFor();
    expect(await tab.id('data-hidden').textContent()).toContain(
      'let authorize return { data: true }; at the listener, set inspector.data.',
    );
    await tab.feed.first().click();
    expect(await tab.feed.first().locator('.detail').textContent()).toContain('Hidden.');
  });

  test('bears an event without an id, and a refusal of nobody in particular', async () => {
    const refusal = { type: 'refusal', at: NOW, reason: 'clients', user: null, client: null } as const;
    const [tab] = await InspectorTab.live(used, [feedTick(event('early', { id: null }), refusal)]);
    await tab.saw('limits.clients was reached');
    expect(await tab.feed.first().locator('.who').textContent()).toBe('');
    await tab.feed.filter({ hasText: 'early' }).click();
    expect(await tab.feed.locator('.detail:visible').textContent()).toContain('Idnone yet');
  });
});

describe('the filter', () => {
  test('opens another watch, and keeps what matches of the older entries', async () => {
    const [tab, watch] = await InspectorTab.live(used, [
      feedTick(event('for-ada'), event('other', { to: { channel: 'ROOM:ADA' } }), event('x', { to: { user: 'ken' } })),
    ]);
    await tab.saw('other');
    await tab.id('filter').fill('ada');
    const filtered = await used.server.watch(2);
    expect(filtered.find).toBe('ada');
    await until('the first watch to end', () => watch.isOver);
    // The server found it by something that the page does not see.
    filtered.write(hello(), feedTick(event('by-other-means', { to: { client: 'c9' } })));
    await tab.saw('by-other-means');
    expect(await tab.feed.locator('.name').allTextContents()).toEqual(['by-other-means', 'other', 'for-ada']);
    await tab.id('filter').press('Escape');
    expect((await used.server.watch(3)).find).toBeUndefined();
  });

  test('waits until the typing pauses', async () => {
    const [tab] = await InspectorTab.live(used, []);
    await tab.page.clock.install();
    await tab.page.clock.pauseAt(Date.now() + 60_000);
    await tab.id('filter').pressSequentially('ada');
    await tab.page.clock.runFor(1_000);
    await used.server.watch(2);
    expect(used.server.watches.map(({ find }) => find)).toEqual([undefined, 'ada']);
  });

  test('of more than 256 bytes is said to be too long', async () => {
    const [tab] = await InspectorTab.live(used, []);
    await tab.id('filter').fill('é'.repeat(129));
    await tab.reads('filter-problem', 'at most 256 bytes');
    expect(used.server.watches).toHaveLength(1);
  });
});

describe('charts and totals', () => {
  const at = (seconds: number, stats: object) => tick({ now: NOW + seconds * 1_000, stats });
  const values = async (tab: InspectorTab) => (await tab.page.locator('.chart .value').allTextContents()).join(' ');

  test('show the rates between lines', async () => {
    const lag = { clients: 1, events: 2, ms: 70 };
    const [tab] = await InspectorTab.live(used, [
      at(0, { events: 100, deliveries: 1_000, bytes: 0 }),
      at(2, { events: 120, deliveries: 5_000, bytes: 3_000, clients: 7, lag }),
    ]);
    await until('the rates', async () => (await values(tab)) === '2K/s 10/s 1.5 kB/s 7 70 ms');
  });

  test('never show a negative rate after a restart, which the feed tells', async () => {
    const [tab, watch] = await InspectorTab.live(used, [at(0, { events: 100 }), at(1, { events: 200 })]);
    await until('a rate', async () => (await values(tab)).includes('100/s'));
    watch.write(at(2, { events: 5 }), at(3, { events: 8 }));
    await until('the next rate', async () => (await values(tab)).includes(' 3/s'));
    await tab.saw('The server restarted: its counters began again.');
    expect(await tab.page.locator('.chart path.stroke').first().getAttribute('d')).not.toContain('-');
  });

  test('show reasons, and the nodes of the cluster', async () => {
    const disconnects = { peer: 12, slow: 3, server: 0 };
    const down = {
      link: 'down',
      nodes: 1,
      clients: 2,
      buffered: 5,
      bufferedBytes: 2_000,
      dropped: 0,
      outages: 1,
      dir: null,
    };
    const nodes = [
      { id: 'a1', clients: 3, here: true },
      { id: 'b2', clients: 1 },
    ];
    const [tab] = await InspectorTab.live(used, [
      tick({ nodes, stats: { disconnects, resets: 9, cluster: down } as object }),
    ]);
    await tab.reads('totals', 'Disconnects 15peer12slow3');
    await tab.reads('totals', 'Resets 9');
    await tab.reads('totals', 'Cluster link downa1 (this one)3 clientsb21 clientwaiting5 events, 2.0 kBoutages1');
  });
});

describe('the connection', () => {
  test('opens again by itself, and what was there stays', async () => {
    const [tab, watch] = await InspectorTab.live(used, [clientsTick([client('c1')]), feedTick(event('kept'))]);
    await tab.saw('kept');
    watch.cut();
    const next = await used.server.watch(2);
    await tab.saw('The connection was lost.');
    expect(await tab.clients.count()).toBe(1);
    next.write(hello({ epoch: 'new1' }), clientsTick([client('c2', { user: 'ken' })]));
    await tab.saw('The history began anew. Its epoch is new1; before, it was k3f9.');
    await tab.clients.filter({ hasText: 'ken' }).waitFor();
    expect(await tab.clients.count()).toBe(1);
    await tab.saw('kept');
  });

  test('counts as lost after a long silence', async () => {
    const [tab, watch] = await InspectorTab.live(used, []);
    await tab.page.clock.install();
    watch.write(clientsTick([]));
    await tab.reads('clients-count', '0 clients');
    await tab.page.clock.runFor(30_000);
    await used.server.watch(2);
    await tab.saw('The connection was lost.');
  });

  test.each([403, 404])('is not tried again by itself after status %i', async (status) => {
    used.server.refusals = [{ status, error: 'The inspector is off.' }];
    const tab = await InspectorTab.open(used);
    await tab.isIn('Stopped');
    await tab.reads('banner-text', 'The inspector is off.');
    await tab.id('retry').click();
    (await used.server.watch(1)).write(hello());
    await tab.isIn('Live');
    expect(await tab.id('banner').isVisible()).toBe(false);
  });

  test.each([429, 503])('waits as long as status %i asks for', async (status) => {
    used.server.refusals = [{ status, error: 'Too many inspectors.', headers: { 'retry-after': '60' } }];
    const tab = await InspectorTab.open(used);
    await tab.reads('banner-text', 'Too many inspectors.');
    expect(await tab.id('banner-retry').textContent()).toMatch(/^Trying again in (60|[6-9]\d|1[01]\d|120) s/);
    await tab.id('retry').click();
    await used.server.watch(1);
  });

  test('follows no redirect, because that would be another page', async () => {
    used.server.refusals = [{ status: 302, headers: { location: '/login' } }];
    const tab = await InspectorTab.open(used);
    await tab.isIn('Stopped');
    await tab.reads('banner-text', 'The server answered with a redirect. You may have to log in again.');
  });

  test('opens again after an answer that is not of the inspector', async () => {
    used.server.refusals = [{ status: 502 }];
    const tab = await InspectorTab.open(used);
    await tab.reads('banner-text', 'The server answered with status 502.');
    (await used.server.watch(1)).write(hello());
    await tab.isIn('Live');
  });

  test('says that another node is watched now', async () => {
    const tab = await InspectorTab.open(used);
    const first = await used.server.watch(1);
    first.write(hello({ node: 'a1' }), tick({ stats: { connects: 50 } }));
    await tab.isIn('Live');
    first.cut();
    (await used.server.watch(2)).write(hello({ node: 'b2' }), tick({ stats: { connects: 3 } }));
    await tab.saw('Now this page watches node b2. Before, it was a1.');
    expect(await tab.feed.filter({ hasText: 'restarted' }).count()).toBe(0);
  });
});

describe('the token', () => {
  test('comes from the fragment, which is gone at once', async () => {
    used.server.token = 'sesame & more';
    const fragment = `#token=${encodeURIComponent(used.server.token)}`;
    const tab = await InspectorTab.open(used, { fragment });
    await used.server.watch(1);
    expect(tab.page.url()).toBe(used.server.url);
    expect(used.server.posted.map(({ headers }) => headers.authorization)).toEqual(['Bearer sesame & more']);
    expect(await tab.page.evaluate(() => history.length)).toBe(2);
  });

  test('of an address that is pasted into the open page is taken, too', async () => {
    const tab = await InspectorTab.open(used);
    (await used.server.watch(1)).write(hello());
    await tab.isIn('Live');
    await tab.page.evaluate(() => location.assign('#token=pasted'));
    await used.server.watch(2);
    expect(used.server.posted[1]?.headers.authorization).toBe('Bearer pasted');
    expect(await tab.page.evaluate(() => location.href)).toBe(used.server.url);
  });

  test('is asked for after a 401, also again', async () => {
    used.server.token = 'sesame';
    const tab = await InspectorTab.open(used);
    await tab.page.getByRole('dialog', { name: 'This inspector needs a token' }).waitFor();
    await tab.reads('token-message', 'The token is missing or wrong.');
    // Nobody has said so yet.
    expect(await tab.page.getByText('No client is connected.').isVisible()).toBe(false);
    for (const token of ['wrong', 'sesame']) {
      await tab.id('token').fill(token);
      await tab.page.keyboard.press('Enter');
      await until('the request', () => used.server.posted.at(-1)?.headers.authorization === `Bearer ${token}`);
      if (token === 'wrong') await tab.id('token-dialog').waitFor();
    }
    (await used.server.watch(1)).write(hello());
    await tab.isIn('Live');
    expect(await tab.id('token-dialog').isVisible()).toBe(false);
  });
});
