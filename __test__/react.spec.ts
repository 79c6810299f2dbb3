/** `ssekit/react` in each engine, by React 18 and 19 in StrictMode, rendered on the server first. */
import { inEachEngine } from './support/engines';
import { stopEvaluators } from './support/evaluator';
import { REACT_VERSIONS, ReactPage, StreamOfAda } from './support/react-page';
import { until } from './support/until';

let streams: StreamOfAda;
beforeAll(async () => {
  streams = await StreamOfAda.start();
}, 120_000);
afterAll(stopEvaluators);

inEachEngine((browser) => {
  describe.each(REACT_VERSIONS)('React %d', (version) => {
    let page: ReactPage;
    beforeEach(async () => {
      page = await ReactPage.start(version, browser(), streams);
    });
    afterEach(async () => {
      const complaints = await page.complaints();
      await page.close();
      await until('nobody to be left', async () => (await streams.clients()) === 0);
      expect(complaints).toEqual([]);
    });

    test('StrictMode and several components open one stream, and each gets each event once', async () => {
      const before = await streams.connects();
      await page.open({ parts: ['event', 'event', 'live', 'latest'], tag: 'a' });
      await streams.send(1);
      await page.reads('live', '1');
      await page.reads('latest', '1');
      await page.hears('a1', 'a1');
      expect([await streams.connects(), await streams.clients()]).toEqual([before + 1, 1]);
    });

    test('the newest handler is called, and no other stream is opened for it', async () => {
      const before = await streams.connects();
      await page.open({ parts: ['event'], tag: 'a' });
      await streams.send(1);
      await page.hears('a1');
      await page.set({ tag: 'b' });
      await streams.send(2);
      await page.hears('a1', 'b2');
      expect(await streams.connects()).toBe(before + 1);
    });

    test('another user has another stream, and the state of none before', async () => {
      // With a cursor for both, because components may hydrate after the stream has begun.
      const start = await streams.cursor();
      await page.open({ parts: ['live', 'latest'], user: 'ada', initial: ['first'], rendered: start, since: start });
      await streams.send(1);
      await page.reads('live', 'first,1');
      const before = await streams.connects();
      const later = await streams.cursor();
      await page.set({ user: 'grace', initial: ['hers'], rendered: later, since: later });
      await page.reads('live', 'hers');
      expect(await page.text('latest')).toBe('none');
      await until(
        'the other stream',
        async () => (await streams.connects()) === before + 1 && (await streams.clients()) === 1,
      );
      await streams.send(2);
      await page.reads('live', 'hers,2');
    });

    test('the cursor outlasts an unmount', async () => {
      await page.open({ parts: ['event'], tag: 'a' });
      await streams.send(1);
      await page.hears('a1');
      await page.set({ isShown: false });
      await until('the end of the stream', async () => (await streams.clients()) === 0);
      await streams.send(2);
      await page.set({ isShown: true, tag: 'b' });
      await page.hears('a1', 'b2');
      await streams.send(3);
      await page.hears('a1', 'b2', 'b3');
    });

    test('an event between rendering and hydrating is shown once', async () => {
      await streams.send('before');
      const rendered = await streams.cursor();
      const props = await page.load({ parts: ['live', 'status'], initial: ['rendered'], rendered, since: rendered });
      expect([await page.text('live'), await page.text('status')]).toEqual(['rendered', 'connecting']);
      await streams.send(1);
      await page.hydrate(props);
      await page.reads('live', 'rendered,1');
      await streams.send(2);
      await page.reads('live', 'rendered,1,2');
      expect(page.fetches).toBe(0);
    });

    test('a component that hydrates after others gets what came meanwhile, and nothing that it has', async () => {
      const start = await streams.cursor();
      await page.open({ parts: ['event'], since: start });
      await streams.send(1);
      const rendered = await streams.cursor();
      await streams.send(2);
      await page.hears('1', '2');
      await page.set({ parts: ['event', 'live'], initial: ['with 1'], rendered });
      await page.reads('live', 'with 1,2');
      await streams.send(3);
      await page.reads('live', 'with 1,2,3');
      expect(page.fetches).toBe(0);
    });

    test('a component whose cursor is older than the stream fetches its state', async () => {
      const rendered = await streams.cursor();
      await streams.send('missed');
      await page.open({ parts: ['event'] });
      page.state = Promise.resolve({ data: ['fetched'], since: await streams.cursor() });
      await page.set({ parts: ['event', 'live'], initial: ['old'], rendered });
      await page.reads('live', 'fetched');
      await streams.send(1);
      await page.reads('live', 'fetched,1');
      expect(page.fetches).toBeGreaterThan(0);
    });

    test('after a reset, events wait for the state, and are applied once', async () => {
      let answer = (_: object): void => {};
      page.state = new Promise((resolve) => {
        answer = resolve;
      });
      await page.open({ parts: ['live'], since: 'unknown.1', initial: ['old'] });
      await until('the request', () => page.fetches > 0);
      await streams.send('in the answer');
      const since = await streams.cursor();
      await streams.send('after it');
      answer({ data: ['fetched', 'in the answer'], since });
      await page.reads('live', 'fetched,in the answer,after it');
    });

    test('a reset during a refetch fetches the state once more, and the later state counts', async () => {
      let answer = (_: object): void => {};
      page.state = new Promise((resolve) => {
        answer = resolve;
      });
      const before = await streams.connects();
      await page.open({ parts: ['live'], since: 'unknown.1', initial: ['old'] });
      await until('the request', () => page.fetches === 1);
      page.site.forgedId = 'unknown.2';
      await streams.cut();
      await until('the second reset', async () => (await streams.connects()) === before + 2);
      await streams.send('in the later state');
      page.state = Promise.resolve({ data: ['later'], since: await streams.cursor() });
      answer({ data: ['earlier'] });
      await page.reads('live', 'later');
      await streams.send('after it');
      await page.reads('live', 'later,after it');
      expect(page.fetches).toBe(2);
    });

    test('a component that mounts after a reset fetches its state, although it has no cursor', async () => {
      await page.open({ since: 'unknown.1' });
      page.state = Promise.resolve({ data: ['fetched'], since: await streams.cursor() });
      await page.set({ parts: ['status', 'live'], initial: ['old'] });
      await page.reads('live', 'fetched');
    });

    test('a reset that no component handles is told', async () => {
      await page.open({ parts: ['event'], since: 'unknown.1' });
      const complaint = await until('the complaint', async () => (await page.complaints()).join());
      expect(complaint).toContain('Events were missed: fetch the state by `useLive`');
    });

    test('a newer rendering replaces the state, with what came after it', async () => {
      const start = await streams.cursor();
      await page.open({ parts: ['live'], rendered: start, since: start });
      await streams.send(1);
      const rendered = await streams.cursor();
      await streams.send(2);
      await page.reads('live', '1,2');
      await page.set({ initial: ['one'], rendered });
      await page.reads('live', 'one,2');
      expect(page.fetches).toBe(0);
    });

    test('members of a channel come and go', async () => {
      const rendered = await streams.cursor();
      await page.open({ parts: ['presence'], channel: 'room:1', rendered, since: rendered });
      await page.reads('presence', 'ada');
      await page.set({ parts: ['status'] });
      await until('the channel to be left', async () => (await streams.membersOf('room:1')) === 0);
    });

    test('a channel is there for as long as a component wants it', async () => {
      const members = () => streams.membersOf('order:1');
      await page.open({ parts: ['channel', 'channel', 'event'], channel: 'order:1' });
      await until('the channel', async () => (await members()) === 1);
      await page.set({ parts: ['channel', 'event'] });
      await streams.server.evaluate(({ sse }) => sse.sendToChannel('order:1', { event: 'number', data: 1 }));
      await page.hears('1');
      await page.set({ parts: ['event'] });
      await until('the channel to be left', async () => (await members()) === 0);
    });

    test('a channel of the first components has what came after their cursor', async () => {
      const rendered = await streams.cursor();
      const props = await page.load({ parts: ['event', 'channel', 'status'], channel: 'order:2', rendered });
      const sendThere = (data: number) =>
        streams.server.evaluate(({ sse }, data) => sse.sendToChannel('order:2', { event: 'number', data }), data);
      await sendThere(1);
      await page.hydrate(props);
      await page.hears('1');
      await sendThere(2);
      await page.hears('1', '2');
    });

    test('events refresh the page, several at once', async () => {
      await page.open({ parts: ['refresh', 'latest'] });
      // The delay of a refresh waits until the test ends it.
      await page.evaluate(() => {
        const { setTimeout } = globalThis;
        const delayed: (() => void)[] = [];
        const own = (run: () => void, ms: number) => (ms === 250 ? delayed.push(run) : setTimeout(run, ms));
        Object.assign(globalThis, { setTimeout: own, delayed });
      });
      await streams.server.evaluate(({ sse }) => {
        for (const data of [1, 2, 3]) sse.sendToUser('ada', { event: 'number', data });
      });
      await page.reads('latest', '3');
      const refreshes = () => page.evaluate(() => (globalThis as unknown as { refreshes: number }).refreshes);
      expect(await refreshes()).toBe(0);
      const delayed = await page.evaluate(() => {
        const { delayed } = globalThis as unknown as { delayed: (() => void)[] };
        for (const run of delayed) run();
        return delayed.length;
      });
      expect([delayed, await refreshes()]).toEqual([1, 1]);
    });

    if (version === 19) {
      test('a part that was hidden shows what came meanwhile', async () => {
        await page.open({ parts: ['live', 'event'], tag: 'a' });
        await streams.send(1);
        await page.reads('live', '1');
        const before = await streams.connects();
        await page.set({ isHidden: true });
        await streams.send(2);
        await page.set({ isHidden: false });
        await page.reads('live', '1,2');
        await page.hears('a1', 'a2');
        expect(await streams.connects()).toBe(before);
      });
    }
  });
});
