/** Several providers of `ssekit/react` on a page, and providers whose options change. */
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
      await streams.demand(undefined);
      const complaints = await page.complaints();
      await page.close();
      await until('nobody to be left', async () => (await streams.clients()) === 0);
      expect(complaints).toEqual([]);
    });

    /** In either order, because React does not say whose effects are first. */
    const hearBoth = (...wanted: string[]): Promise<unknown> =>
      until(`${wanted}`, async () => (await page.heard()).toSorted().join() === wanted.toSorted().join());

    test('two providers of the same URL and user share one stream, which stays for the one that is left', async () => {
      const before = await streams.connects();
      const second = { url: '/sse', tag: 'b', parts: ['event', 'status'] };
      await page.open({ parts: ['event'], tag: 'a', second });
      await page.reads('bstatus', 'open');
      await streams.send(1);
      await hearBoth('a1', 'b1');
      await page.set({ second: null });
      await page.listen(1);
      await streams.send(2);
      await hearBoth('a1', 'b1', 'a2');
      await page.set({ second });
      await page.listen(2);
      await streams.send(3);
      await hearBoth('a1', 'b1', 'a2', 'a3', 'b3');
      expect([await streams.connects(), await streams.clients()]).toEqual([before + 1, 1]);
    });

    test('two providers of different URLs have a stream each, and each gets its events once', async () => {
      const before = await streams.connects();
      await page.open({ parts: ['event'], tag: 'a', second: { url: '/other', tag: 'b', parts: ['event', 'status'] } });
      await page.reads('bstatus', 'open');
      await streams.send(1);
      await hearBoth('a1', 'b1');
      expect([await streams.connects(), await streams.clients()]).toEqual([before + 2, 2]);
      await page.set({ second: null });
      await until('one stream', async () => (await streams.clients()) === 1);
      await streams.send(2);
      await until('the event', async () => (await page.heard()).at(-1) === 'a2');
      expect((await page.heard()).length).toBe(3);
    });

    test('with another URL, another stream begins and the first one ends', async () => {
      const before = await streams.connects();
      await page.open({ parts: ['event'], tag: 'a' });
      await streams.send(1);
      await page.hears('a1');
      await page.set({ url: '/other' });
      await until('the other stream', async () => (await streams.connects()) === before + 2);
      await until('the end of the first', async () => (await streams.clients()) === 1);
      await page.reads('status', 'open');
      await streams.send(2);
      await page.hears('a1', 'a2');
    });

    test('other channels of a provider are joined and left, on the same stream', async () => {
      const before = await streams.connects();
      await page.open({ parts: ['event'], channels: ['order:a', 'order:b'] });
      await until(
        'the channels',
        async () => (await streams.membersOf('order:a')) + (await streams.membersOf('order:b')) === 2,
      );
      await page.set({ channels: ['order:b', 'order:c'] });
      await until('the new one', async () => (await streams.membersOf('order:c')) === 1);
      await until('the old one to be left', async () => (await streams.membersOf('order:a')) === 0);
      await streams.server.evaluate(({ sse }) => {
        for (const name of ['a', 'b', 'c']) sse.sendToChannel(`order:${name}`, { event: 'number', data: name });
      });
      await page.hears('b', 'c');
      expect(await streams.connects()).toBe(before + 1);
    });

    test('a page of another channel, and one that comes back, miss nothing and get nothing twice', async () => {
      const send = (channel: string, data: string): Promise<unknown> =>
        streams.server.evaluate(
          ({ sse }, channel, data) => sse.sendToChannel(channel, { event: 'number', data }),
          channel,
          data,
        );
      const members = (channel: string, count: number): Promise<true> =>
        until(`${count} in ${channel}`, async () => (await streams.membersOf(channel)) === count);
      const before = await streams.connects();
      const first = { channels: ['order:1'], since: await streams.cursor() };
      await page.open({ parts: ['live'], ...first, initial: ['first'], rendered: first.since });
      await members('order:1', 1);
      await send('order:1', 'a');
      await page.reads('live', 'first,a');
      // Rendered, but the page does not have the channel yet.
      const second = { channels: ['order:2'], since: await streams.cursor() };
      await send('order:2', 'b');
      await page.set({ ...second, initial: ['second'], rendered: second.since });
      await page.reads('live', 'second,b');
      await members('order:1', 0);
      await send('order:1', 'c');
      // As by the back button: what was rendered first is shown again.
      await page.set({ ...first, initial: ['first'], rendered: first.since });
      await page.reads('live', 'first,a,b,c');
      await members('order:2', 0);
      await send('order:1', 'd');
      await page.reads('live', 'first,a,b,c,d');
      expect(await streams.connects()).toBe(before + 1);
    });

    test('the newest functions of a provider are called, and no other stream is opened for them', async () => {
      const before = await streams.connects();
      await streams.demand('first');
      await page.open({ parts: ['event'], functions: 'first' });
      await page.set({ functions: 'second' });
      await streams.demand('second');
      await streams.send(1);
      await page.hears('1');
      expect(await streams.connects()).toBe(before + 1);
      // Refused with what the first function gave, the stream asks the second.
      await streams.cut();
      await until('the second stream', async () => (await streams.connects()) === before + 2);
      page.site.forgedId = 'unknown.1';
      await streams.cut();
      await until('the reset', async () => (await page.resets()).length > 0);
      expect(await page.resets()).toEqual(['second']);
      await streams.send(2);
      await page.hears('1', '2');
    });
  });
});
