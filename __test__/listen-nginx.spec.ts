/** The listener behind a real nginx, as docs/listener.md configures it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { startNginx } from './support/proxies';
import { stopProxies } from './support/proxy-process';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(closeClients);
afterEach(stopProxies);
afterEach(stopEvaluators);

/** The configuration that the page shows beside `proxy_pass`, so the test tries exactly that. */
function documented(): string {
  const page = readFileSync(join(__dirname, '..', 'docs', 'listener.md'), 'utf8');
  const location = /location \/events \{\n([^}]*)\}/.exec(page)?.[1] ?? '';
  return location
    .split('\n')
    .filter((line) => !line.includes('proxy_pass'))
    .join(' ');
}

test('nginx passes events at once and keeps addresses apart', async () => {
  const server = await Evaluator.start({ heartbeatMs: 3_600_000, limits: { clientsPerAddress: 2 } });
  const port = await server.evaluate(async ({ sse }) => {
    return (await sse.listen({ anonymous: true, trustProxy: true })).port;
  });
  const directives = documented();
  expect(directives).toContain('X-Forwarded-For');
  const nginx = await startNginx(port as number, { sse: directives });
  // nginx itself is on this machine; a client says that it has come from elsewhere, and is not believed.
  const open = (id?: string): Promise<RawClient> =>
    RawClient.request(nginx.port, {
      path: '/sse/events',
      headers: { 'x-forwarded-for': `192.0.2.${Math.floor(Math.random() * 256)}`, ...(id && { 'last-event-id': id }) },
    });
  const broadcast = (data: number): Promise<number> =>
    server.evaluate(({ sse }, data) => sse.broadcast({ event: 'news', data }), data);
  const first = await open();
  await first.ready();
  await broadcast(1);
  const [seen] = await first.next(1);
  first.reset();
  await until('it is gone', async () => (await server.evaluate(({ sse }) => sse.stats().clients)) === 0);
  await broadcast(2);
  const again = await open(seen?.id);
  expect((await again.next(1)).map(({ data }) => data)).toEqual(['2']);
  await (await open()).ready();
  const third = await open();
  await until('an answer', () => third.status > 0);
  expect(third.status).toBe(429);
});
