/** `ssekit/devtools`: what a panel in the page shows of its stream. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { inEachEngine } from './support/engines';
import { stopEvaluators } from './support/evaluator';
import { stopPageServers } from './support/page-server';
import { ReactPage, StreamOfAda } from './support/react-page';
import { until } from './support/until';

/** No style of the page, no HTML from text, no script but its own. */
const STRICT = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; connect-src 'self';
  style-src 'none'; worker-src 'self'; require-trusted-types-for 'script'">`;

let streams: StreamOfAda;
beforeAll(async () => {
  streams = await StreamOfAda.start();
});
afterAll(async () => {
  stopPageServers();
  await stopEvaluators();
});

/** Each visible row: its kind, name, and text. */
type Row = [kind: string, name: string, text: string];

inEachEngine((browser) => {
  let page: ReactPage;
  beforeEach(async () => {
    page = await ReactPage.start(19, browser(), streams);
    page.head = STRICT;
  });
  afterEach(() => page.close());

  /** The component may have yet to draw its button. */
  const press = (label: string): Promise<true> =>
    until(`the button ${label}`, () =>
      page.evaluate((label) => {
        const buttons = document.querySelector('ssekit-devtools')?.shadowRoot?.querySelectorAll('button') ?? [];
        const button = [...buttons].find(({ textContent }) => textContent?.startsWith(label));
        button?.click();
        return button !== undefined;
      }, label),
    );

  const filter = (text: string): Promise<void> =>
    page.evaluate((text) => {
      const input = document.querySelector('ssekit-devtools')?.shadowRoot?.querySelector('input') as HTMLInputElement;
      input.value = text;
      input.dispatchEvent(new Event('input'));
    }, text);

  const rows = (): Promise<Row[]> =>
    page.evaluate(() => {
      const found = document.querySelector('ssekit-devtools')?.shadowRoot?.querySelectorAll('li:not([hidden])') ?? [];
      return [...found].map((row): [string, string, string] => {
        const [name, text] = ['b', 'pre'].map((part) => row.querySelector(part)?.textContent ?? '');
        return [row.className, name as string, text as string];
      });
    });

  /** Without the states and the beginning of the stream: React may draw two states at once. */
  const heard = async (): Promise<Row[]> =>
    (await rows()).filter(([kind, name]) => kind !== 'state' && name !== 'ssekit:ready');

  const shows = (...wanted: [kind: string, name: string, text: RegExp][]): Promise<unknown> =>
    until(`${wanted.map(([, name]) => name)}`, async () => {
      const found = await heard();
      return (
        found.length === wanted.length &&
        wanted.every(([kind, name, text], at) => {
          const row = found[at] as Row;
          return row[0] === kind && row[1] === name && text.test(row[2]);
        })
      );
    });

  async function openPanel(): Promise<void> {
    await page.open({ parts: ['devtools'] });
    await press('SSE');
    for (const wanted of ['open', 'ssekit:ready']) {
      await until(wanted, async () => (await rows()).some(([, name]) => name === wanted));
    }
  }

  test('states and events come in their order, also those from before it was opened', async () => {
    await openPanel();
    await streams.send({ a: 1 });
    await shows(['event', 'number', /^\{"a":1\}$/]);
    expect(await page.complaints()).toEqual([]);
  });

  test('the last id, the client and its channels are above the log', async () => {
    await page.open({ parts: ['devtools'], channels: ['news'] });
    await press('SSE');
    await streams.send(1);
    const facts = (): Promise<string[]> =>
      page.evaluate(() => {
        const all = document.querySelector('ssekit-devtools')?.shadowRoot?.querySelectorAll('dd') ?? [];
        return [...all].map(({ textContent }) => textContent ?? '');
      });
    const cursor = await streams.cursor();
    await until('the facts', async () => {
      const [client, id, channels] = await facts();
      return client && id === cursor && channels === 'news';
    });
  });

  test('a cut says why, and when the next attempt comes', async () => {
    await openPanel();
    await streams.cut();
    // From the end of the first stream on.
    const since = async (): Promise<Row[]> => {
      const all = await rows();
      const end = all.findIndex(([, name]) => name === 'waiting');
      return end < 0 ? [] : all.slice(end);
    };
    await until('the next connection', async () => (await since()).some(([, name]) => name === 'ssekit:ready'));
    expect((await since())[0]).toEqual([
      'state',
      'waiting',
      expect.stringMatching(/^Stream ended; next attempt in \d+\.\d s$/),
    ]);
  });

  test('a reset says why', async () => {
    await openPanel();
    page.site.forgedId = 'another.1';
    await streams.cut();
    const resets = async (): Promise<Row[]> => (await rows()).filter(([kind]) => kind === 'reset');
    await until('the reset', async () => (await resets()).length > 0);
    expect(await resets()).toEqual([['reset', 'ssekit:reset', expect.stringContaining('"reason":"unknown"')]]);
  });

  test('data is text, whatever it contains', async () => {
    await openPanel();
    const html = '<img src="x" onerror="complaints.push(1)">';
    await streams.send(html);
    await shows(['event', 'number', /<img/]);
    const images = () => document.querySelector('ssekit-devtools')?.shadowRoot?.querySelectorAll('img').length;
    expect([await page.evaluate(images), await page.complaints()]).toEqual([0, []]);
  });

  test('a filter, a pause and a clear do as they say', async () => {
    await openPanel();
    await streams.send('one');
    await streams.send('two');
    await filter('TWO');
    await shows(['event', 'number', /two/]);
    await filter('');
    await press('Pause');
    await streams.send('three');
    const resume = (): Promise<boolean> =>
      page.evaluate(() => {
        const button = document.querySelector('ssekit-devtools')?.shadowRoot?.querySelector('[aria-pressed="true"]');
        return button?.textContent === 'Resume (1 new)';
      });
    await until('the paused event to be counted', resume);
    expect((await heard()).length).toBe(2);
    await press('Resume');
    await shows(['event', 'number', /one/], ['event', 'number', /two/], ['event', 'number', /three/]);
    await press('Clear');
    await shows();
    await streams.send('four');
    await shows(['event', 'number', /four/]);
  });

  test('a row stays open while others come', async () => {
    await openPanel();
    await page.evaluate(() => {
      const details = document.querySelector('ssekit-devtools')?.shadowRoot?.querySelector('details');
      if (details) details.open = true;
    });
    await streams.send(1);
    await shows(['event', 'number', /1/]);
    const isOpen = () => document.querySelector('ssekit-devtools')?.shadowRoot?.querySelector('details')?.open;
    expect(await page.evaluate(isOpen)).toBe(true);
  });

  test('Escape closes it, and gives the focus back', async () => {
    await openPanel();
    const focus = () => {
      const root = document.querySelector('ssekit-devtools')?.shadowRoot;
      const { localName, textContent } = root?.activeElement ?? {};
      return [localName, textContent, root?.querySelector('section')?.hidden];
    };
    expect(await page.evaluate(focus)).toEqual(['input', '', false]);
    await page.evaluate(() => {
      const root = document.querySelector('ssekit-devtools')?.shadowRoot;
      root?.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    });
    expect(await page.evaluate(focus)).toEqual(['button', 'SSE', true]);
  });

  test("the page's styles do not reach it, and its own work under a strict policy", async () => {
    await openPanel();
    const look = () => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('* { color: rgb(1, 2, 3) !important; font-size: 99px !important; }');
      document.adoptedStyleSheets = [sheet];
      const root = document.querySelector('ssekit-devtools')?.shadowRoot;
      const { position, color, fontSize } = getComputedStyle(root?.querySelector('section') as Element);
      document.adoptedStyleSheets = [];
      return { position, fontSize, isPageColor: color === 'rgb(1, 2, 3)' };
    };
    expect(await page.evaluate(look)).toEqual({ position: 'fixed', fontSize: '13px', isPageColor: false });
  });

  test('it leaves with its component', async () => {
    await openPanel();
    await page.set({ parts: ['status'] });
    const count = () => document.querySelectorAll('ssekit-devtools').length;
    await until('no panel', async () => (await page.evaluate(count)) === 0);
    await page.set({ parts: ['status', 'devtools'] });
    await until('one panel', async () => (await page.evaluate(count)) === 1);
    expect(await page.complaints()).toEqual([]);
  });

  test('one that comes later than the stream shows what came before it', async () => {
    await page.open({ parts: ['event'], channels: ['news'] });
    await page.listen(1);
    await streams.send('early');
    await until('the event', async () => (await page.heard()).length > 0);
    await page.set({ parts: ['event', 'status', 'devtools'] });
    await press('SSE');
    await shows(['event', 'number', /early/]);
    await streams.send('late');
    await shows(['event', 'number', /early/], ['event', 'number', /late/]);
    const names = async (): Promise<string[]> => (await rows()).map(([, name]) => name);
    expect(await names()).toEqual(['open', 'ssekit:ready', 'number', 'number']);
    const times = () =>
      [...(document.querySelector('ssekit-devtools')?.shadowRoot?.querySelectorAll('time') ?? [])].map(
        ({ textContent }) => textContent === 'before',
      );
    expect(await page.evaluate(times)).toEqual([false, true, true, false]);
  });
});

describe('a bundle', () => {
  async function bundle(conditions: string[]): Promise<string> {
    const { outputFiles } = await build({
      stdin: {
        contents: "import { SSEDevtools } from 'ssekit/devtools'; console.log(SSEDevtools);",
        resolveDir: join(__dirname, 'programs'),
      },
      bundle: true,
      write: false,
      format: 'esm',
      external: ['react'],
      conditions,
    });
    return outputFiles[0]?.text ?? '';
  }

  test('for development has the panel', async () => {
    expect(await bundle(['development'])).toContain('ssekit-devtools');
  });

  test.each([[['production']], [[]]])('with the conditions %j has nothing of it', async (conditions) => {
    const text = await bundle(conditions);
    expect(text).toContain('() => null');
    expect(text).not.toMatch(/ssekit-devtools|react|shadow/i);
  });
});
