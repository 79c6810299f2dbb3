/** Look and feel of the inspector's page: hostile text, keys, contrast, narrow windows, thousands of rows. */
import type { Page } from 'playwright-core';
import { client, clientsTick, event, feedTick, hello, NOW, tick } from './support/inspector-lines';
import { InspectorTab, inspectorTests } from './support/inspector-tab';
import { until } from './support/until';

const used = inspectorTests();

/** Runs in the page. */
const focusedText = (): string => document.activeElement?.textContent ?? '';

describe('hostile text', () => {
  const HOSTILE = [
    '<img src=x onerror=alert(1)>',
    '</script><script>alert(2)</script>',
    '"><svg onload=alert(3)>',
    'javascript:alert(4)',
    '{{7*7}}',
    '__proto__',
  ];

  test.each(HOSTILE)('is shown as it is: %s', async (text) => {
    const nodes = [{ id: text, clients: 1 }];
    const cluster = {
      link: text,
      nodes: 1,
      clients: 0,
      buffered: 0,
      bufferedBytes: 0,
      dropped: 0,
      outages: 0,
      dir: text,
    };
    const tab = await InspectorTab.open(used);
    const watch = await used.server.watch(1);
    watch.write(
      hello({ version: text, node: text, epoch: text }),
      tick({ nodes, stats: { epoch: text, cluster, disconnects: { [text]: 3 } } as object }),
      clientsTick([client(text, { user: text, channels: [text], data: { [text]: text } })]),
      feedTick(
        event(text, { to: { channel: text }, data: JSON.stringify({ [text]: text }), id: text, coalesceKey: text }),
        event(text, { data: text }),
        { type: 'error', at: NOW, message: text },
        { type: 'disconnect', at: NOW, client: text, user: text, reason: text as 'peer' },
      ),
    );
    await tab.saw(text);
    await tab.clients.first().click();
    for (const row of await tab.feed.all()) await row.click();
    expect(await tab.clients.first().locator('.detail').textContent()).toContain(JSON.stringify(text));
    await tab.clients.locator('.icon').click();
    await tab.reads('disconnect-text', text);
    // Whatever it says, the page consists of its own elements.
    const foreign =
      'img, svg:not(.chart svg), iframe, object, embed, a, link, script:not([type=module]), [onerror], [onload]';
    expect(await tab.page.locator(foreign).count()).toBe(0);
    watch.cut();
    used.server.refusals = [{ status: 403, error: text }];
    await tab.reads('banner-text', text);
  });

  test('neither turns the direction of its surroundings, nor hides', async () => {
    const name = 'ada\u202egnp.\u0000\u001b[31m\u200b\n';
    const [tab] = await InspectorTab.live(used, [
      clientsTick([client('c1', { user: name })]),
      feedTick(event('عربي', { to: { user: name }, data: `{"a":"${'\u2066'}"}` })),
    ]);
    const shown = 'ada\\u202egnp.\\u0000\\u001b[31m\\u200b\\u000a';
    await tab.saw(shown);
    expect(await tab.clients.first().locator('.user').textContent()).toBe(shown);
    const place = tab.feed.first().locator('.name');
    expect(await place.locator('bdi').getAttribute('dir')).toBe('auto');
    await tab.feed.first().click();
    expect(await tab.feed.first().locator('pre').textContent()).toContain('\\u2066');
  });

  test('that is no JSON is a broken connection', async () => {
    const tab = await InspectorTab.open(used);
    const ours = (text: string): boolean => /SyntaxError/.test(text);
    const said = tab.page.waitForEvent('console', (message) => ours(message.text()));
    (await used.server.watch(1)).writeText('<!doctype html>\n');
    await said;
    (await used.server.watch(2)).write(hello());
    await tab.saw('The connection was lost.');
    expect((await tab.close()).filter((problem) => !ours(problem))).toEqual([]);
  });

  test('nested a thousand times does not grow', async () => {
    const data = '['.repeat(1_000) + ']'.repeat(1_000);
    const [tab] = await InspectorTab.live(used, [feedTick(event('deep', { data }))]);
    await tab.feed.first().click();
    const shown = (await tab.feed.first().locator('pre').textContent()) as string;
    expect(shown.length).toBeLessThan(100_000);
    expect(shown.replaceAll(/\s/g, '')).toBe(data);
  });

  test('cannot be a script, because of the policy', async () => {
    const [tab] = await InspectorTab.live(used, []);
    const ran = await tab.page.evaluate(() => {
      const attempts: (() => unknown)[] = [
        () => Object.assign(document.body, { innerHTML: '<b>x</b>' }),
        () => Object.assign(document.createElement('script'), { text: '1' }),
        () => document.write('x'),
      ];
      return attempts.filter((attempt) => {
        try {
          attempt();
          return true;
        } catch {
          return false;
        }
      }).length;
    });
    expect(ran).toBe(0);
    // Those were violations on purpose.
    await tab.close();
  });
});

describe('by keys alone', () => {
  const rows = Array.from({ length: 50 }, (_, n) =>
    client(`c${n}`, { user: `user-${n}`, connectedAt: NOW - n * 1_000 }),
  );

  test('rows are reached, opened and left', async () => {
    const [tab, watch] = await InspectorTab.live(used, [clientsTick(rows)]);
    const { keyboard } = tab.page;
    await tab.clients.first().focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'Enter']) await keyboard.press(key);
    expect(await tab.page.evaluate(focusedText)).toContain('user-2');
    expect(await tab.clients.locator('.detail:visible').count()).toBe(1);
    await keyboard.press('End');
    expect(await tab.page.evaluate(focusedText)).toContain('user-49');
    // Others come and go, and the focus stays where it is.
    watch.write(clientsTick([client('new', { user: 'new', connectedAt: NOW })], ['c0', 'c1'], 49));
    await tab.reads('clients-count', '49 clients');
    expect(await tab.page.evaluate(focusedText)).toContain('user-49');
    watch.write(clientsTick([], ['c49'], 48));
    await tab.reads('clients-count', '48 clients');
    await until('the next row', async () => (await tab.page.evaluate(focusedText)).includes('user-48'));
  });

  test('every control has a name, and a focus that can be seen', async () => {
    const [tab] = await InspectorTab.live(used, [clientsTick(rows.slice(0, 3)), feedTick(event('a'))]);
    await tab.saw('user');
    const reached = new Set<string>();
    for (let presses = 0; presses < 30; presses += 1) {
      await tab.page.keyboard.press('Tab');
      const [name, style] = await tab.page.evaluate(() => {
        const target = document.activeElement as HTMLElement;
        const label = (target as HTMLInputElement).labels?.[0]?.textContent ?? '';
        const said = target.getAttribute('aria-label') ?? (label || target.textContent || '');
        return [said.trim(), getComputedStyle(target).outlineStyle];
      });
      if (await tab.page.evaluate(() => document.activeElement === document.body)) break;
      expect([name, style]).toEqual([expect.stringMatching(/\w/), 'solid']);
      reached.add(name);
    }
    for (const name of ['Send an event s', 'User', 'Pause p', 'Resets']) expect([...reached]).toContain(name);
    expect([...reached].filter((name) => /user-0|ada/.test(name))).not.toEqual([]);
  });

  test('shortcuts work, but not while somebody types', async () => {
    const [tab] = await InspectorTab.live(used, [feedTick(event('a'))]);
    const { keyboard } = tab.page;
    await keyboard.press('/');
    await keyboard.type('p/s');
    expect(await tab.id('filter').inputValue()).toBe('p/s');
    expect(await tab.id('pause').getAttribute('data-held')).toBe('false');
    await keyboard.press('Escape');
    expect(await tab.id('filter').inputValue()).toBe('');
    await keyboard.press('p');
    await tab.reads('pause-label', 'Resume');
    await tab.reads('live', 'The feed is paused.');
    await keyboard.press('s');
    await tab.page.getByRole('dialog', { name: 'Send a test event' }).waitFor();
    await keyboard.press('Escape');
    await keyboard.press('Control+p');
    await tab.reads('pause-label', 'Resume');
  });
});

const FULL = [
  clientsTick([
    client('a-rather-long-client-id-0123456789', { user: 'a-user-with-a-name-that-does-not-fit'.repeat(3) }),
    client('c2', { user: null, transport: 'stream', notHandedOff: 'protocol', lag: { events: 12_345, ms: 99_999 } }),
  ]),
  feedTick(
    event('an-event-with-a-name-that-does-not-fit'.repeat(3), {
      to: { channel: 'x'.repeat(256) },
      data: `"${'y'.repeat(2_000)}"`,
    }),
    { type: 'error', at: NOW, message: 'z'.repeat(500) },
    { type: 'connect', at: NOW, client: 'c1', user: 'ada' },
    { type: 'refusal', at: NOW, reason: 'user' },
    { type: 'online', at: NOW, user: 'ada' },
  ),
];

describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
  test('all text has a contrast of at least 4.5', async () => {
    const [tab, watch] = await InspectorTab.live(used, FULL, { colorScheme });
    await tab.saw('online');
    await tab.clients.first().click();
    await tab.feed.filter({ hasText: 'an-event' }).click();
    watch.cut();
    await tab.id('banner').waitFor();
    expect(await tab.page.evaluate(lowContrasts)).toEqual([]);
    await tab.id('send').click();
    await tab.id('send-data').fill('{');
    await tab.id('send-kind').selectOption('all');
    await tab.id('send-submit').click();
    expect(await tab.page.evaluate(lowContrasts)).toEqual([]);
  });
});

/** Runs in the page: the text of elements whose colours are too close to each other (WCAG 2.2, 1.4.3). */
function lowContrasts(): string[] {
  const parse = (colour: string): number[] => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour: number[]): number => {
    const [r = 0, g = 0, b = 0] = colour.slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element: Element | null): number[] => {
    for (let at = element; at; at = at.parentElement) {
      const ground = parse(getComputedStyle(at).backgroundColor);
      if (ground[3] !== 0) return ground;
    }
    return [255, 255, 255];
  };
  const hasText = (element: Element): boolean =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
  return [...document.body.querySelectorAll('*')]
    .filter((element) => hasText(element) && element.checkVisibility() && !element.closest('svg, script, :disabled'))
    .flatMap((element) => {
      const pair = [luminance(parse(getComputedStyle(element).color)), luminance(groundOf(element))];
      const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
      return ratio < 4.5 ? [`${ratio.toFixed(2)}: ${element.textContent?.slice(0, 40)}`] : [];
    });
}

describe('a window of 390 pixels', () => {
  const NARROW = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

  const overflow = (page: Page): Promise<number> =>
    page.evaluate(() => {
      const widths = [...document.querySelectorAll('html, body, main, .scroller')].map(
        (box) => box.scrollWidth - box.clientWidth,
      );
      return Math.max(...widths);
    });

  test('shows one section at a time, and does not scroll sideways', async () => {
    const [tab] = await InspectorTab.live(used, FULL, NARROW);
    for (const [button, section] of Object.entries({ Events: 'feed', Clients: 'clients', Overview: 'overview' })) {
      await tab.id('sections').getByRole('button', { name: button }).tap();
      await tab.id(section).waitFor();
      expect(await overflow(tab.page)).toBe(0);
      expect(await tab.page.locator('main > section:visible').count()).toBe(1);
    }
  });

  test('has cards, open ones too, and dialogs that fit', async () => {
    const [tab] = await InspectorTab.live(used, FULL, NARROW);
    await tab.feed.filter({ hasText: 'an-event' }).tap();
    await tab.feed.locator('pre').waitFor();
    expect(await overflow(tab.page)).toBe(0);
    await tab.id('sections').getByRole('button', { name: 'Clients' }).tap();
    const first = tab.clients.first();
    await until('cards', async () => ((await first.boundingBox())?.height ?? 0) > 60);
    await first.tap();
    await tab.id('clients').getByRole('button', { name: 'Disconnect client…' }).tap();
    const box = await tab.id('disconnect-dialog').boundingBox();
    expect(box?.x).toBeGreaterThanOrEqual(0);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(390);
    expect(await overflow(tab.page)).toBe(0);
  });
});

test('with 2,000 clients and 400 events a line, only what is in sight is in the document', async () => {
  const many = Array.from({ length: 2_000 }, (_, n) => client(`c${n}`, { connectedAt: NOW - n * 1_000 }));
  const [tab, watch] = await InspectorTab.live(used, [clientsTick(many)]);
  await tab.reads('clients-count', '2,000 clients');
  for (let line = 0; line < 20; line += 1) {
    const feed = Array.from({ length: 400 }, (_, n) => event(`event-${line}-${n}`));
    const changed = many.map((row) => ({ ...row, lag: { events: line, ms: line } }));
    watch.write(tick({ feed, clients: { changed, gone: [], total: 2_000, matching: 2_000, shown: 2_000 } }));
  }
  // It takes what is typed meanwhile.
  await tab.id('send').click();
  await tab.id('send-name').fill('ada');
  await tab.page.keyboard.press('Escape');
  await tab.saw('event-19-399');
  expect(await tab.id('clients-grid').getAttribute('aria-rowcount')).toBe('2001');
  expect(await tab.id('feed-grid').getAttribute('aria-rowcount')).toBe('1001');
  expect((await tab.clients.count()) + (await tab.feed.count())).toBeLessThan(120);
  await tab.clients.first().focus();
  await tab.page.keyboard.press('End');
  await tab.clients.filter({ hasText: 'c1999' }).waitFor();
  expect(await tab.clients.filter({ hasText: 'c1999' }).getAttribute('aria-rowindex')).toBe('2001');
  expect(await tab.clients.count()).toBeLessThan(60);
});
