/** An idle page in each engine keeps a fresh id by an event that it does not listen for. */
import { join } from 'node:path';
import { inEachEngine } from './support/engines';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { until } from './support/until';

interface Heard {
  ready: { resumed: boolean }[];
  /** Names of other events: those that it listens for, and those without a name. */
  others: string[];
}

let server: Evaluator;

beforeAll(async () => {
  server = await Evaluator.start({ heartbeatMs: 100, retryMs: 10, history: { maxAgeMs: 400 } });
}, 120_000);
afterAll(stopEvaluators);

inEachEngine((browser) => {
  test.each([
    ['HTTP/1.1', false],
    ['HTTP/2', true],
  ])('a page over %s resumes after three times the age of an event', async (_, secure) => {
    const port = await server.evaluate(
      async ({ sse, require }, certificate) => {
        const tls = certificate && require(certificate).certificate();
        return (await sse.listen({ anonymous: true, ...(tls && { tls }) })).port as number;
      },
      secure ? join(__dirname, 'support', 'certificate.cjs') : undefined,
    );
    const page = await browser().open(`${secure ? 'https' : 'http'}://127.0.0.1:${port}/healthz`);
    await page.evaluate(() => {
      const heard: Heard = { ready: [], others: [] };
      const events = new EventSource('/events');
      events.addEventListener('ssekit:ready', ({ data }) => heard.ready.push(JSON.parse(data)));
      for (const name of ['own', 'message', 'ssekit:reset']) {
        events.addEventListener(name, ({ type }) => heard.others.push(type));
      }
      Object.assign(globalThis, { heard });
    });
    const heard = (): Promise<Heard> => page.evaluate(() => (globalThis as unknown as { heard: Heard }).heard);
    await until('the stream', async () => (await heard()).ready.length === 1);
    // With an id that means nothing any more when its event has expired.
    await server.evaluate(({ sse }) => sse.broadcast({ event: 'own', data: 1, id: 'own' }));
    await until('the event', async () => (await heard()).others.length === 1);
    const before = await server.evaluate(({ sse }) => sse.stats().heartbeats);
    await until('three times the age of an event, in heartbeats and positions', () =>
      server.evaluate(({ sse }, before) => sse.stats().heartbeats >= before + 12, before),
    );
    expect(await server.evaluate(({ sse }) => sse.stats().history.events)).toBe(0);
    await server.evaluate(({ sse }) => sse.getActiveClients().map((id) => sse.disconnectClient(id)));
    await until('it to come back', async () => (await heard()).ready.length === 2);
    expect(await heard()).toMatchObject({ ready: [{ resumed: false }, { resumed: true }], others: ['own'] });
    await page.close();
    await until('nobody to be left', () => server.evaluate(({ sse }) => sse.stats().clients === 0));
  });
});
