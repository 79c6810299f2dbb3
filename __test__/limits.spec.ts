/** Too many clients are refused cleanly: with a status, a reason, and when to try again. */
import { Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
});

async function refused(server: Evaluator, path: string): Promise<RawClient> {
  const client = await RawClient.request(server.port, { path });
  await until('an answer', () => client.body.includes('\n'));
  return client;
}

function retryAfter(client: RawClient): number {
  const line = client.headerLines.find((line) => line.startsWith('retry-after: '));
  return Number(line?.slice('retry-after: '.length));
}

const CASES = [
  ['clients', { clients: 2 }, 503, 'Too many streams. Try again later.'],
  ['user', { clientsPerUser: 2 }, 429, 'Too many streams for this user. Close one, or try again later.'],
  ['address', { clientsPerAddress: 2 }, 429, 'Too many streams from this address. Close one, or try again later.'],
] as const;

test.each(CASES)(
  '%s: one client too many is refused, and the next is admitted',
  async (reason, limits, status, says) => {
    const server = await Evaluator.start({ limits });
    const first = await RawClient.stream(server.port, { path: '/sse?userId=ada' });
    await RawClient.stream(server.port, { path: '/sse?userId=ada' });
    for (let times = 1; times <= 3; times += 1) {
      const client = await refused(server, '/sse?userId=ada');
      expect([client.status, `${client.body}`]).toEqual([status, `${says}\n`]);
      expect(retryAfter(client)).toBeGreaterThanOrEqual(5);
      expect(retryAfter(client)).toBeLessThanOrEqual(15);
      const stats = await server.evaluate(({ sse }) => sse.stats());
      expect([stats.clients, stats.refusals[reason]]).toEqual([2, times]);
    }
    first.end();
    await until('one to have left', async () => (await server.evaluate(({ sse }) => sse.stats().clients)) === 1);
    await RawClient.stream(server.port, { path: '/sse?userId=ada' });
    // Three lines for the developer, and nothing else.
    const lines = server.stderr.split('\n').slice(0, -1);
    expect(lines).toEqual(Array(3).fill(expect.stringMatching(`^ssekit: refused /sse with ${status}: `)));
  },
);

test("behind a proxy, the application names the client's address", async () => {
  const server = await Evaluator.start({ limits: { clientsPerAddress: 1 } });
  await server.evaluate((given) => {
    given.clientOf = (query) => ({ address: query.get('from'), anonymous: true });
  });
  await RawClient.stream(server.port, { path: '/sse?from=192.0.2.1' });
  await RawClient.stream(server.port, { path: '/sse?from=192.0.2.2' });
  await RawClient.stream(server.port, { path: '/sse?from=[2001:db8::1]:443' });
  // However the proxy writes it: with a port, in brackets, with a zone, as IPv6.
  const again = [
    '192.0.2.1',
    '192.0.2.1:8080',
    '::ffff:192.0.2.1',
    '2001:db8::2',
    '[2001:db8::1%25eth0]',
    '%20192.0.2.2',
  ];
  for (const from of again) expect([from, (await refused(server, `/sse?from=${from}`)).status]).toEqual([from, 429]);
  // Without a word it is the address of the socket.
  await RawClient.stream(server.port, { path: '/sse' });
  expect((await refused(server, '/sse')).status).toBe(429);
});

test("an invalid address counts as the socket's", async () => {
  const server = await Evaluator.start({ limits: { clientsPerAddress: 1 } });
  await server.evaluate((given) => {
    given.clientOf = (query) => ({ address: query.get('from'), anonymous: true });
  });
  await RawClient.stream(server.port, { path: '/sse?from=localhost' });
  for (const from of ['300.1.1.1', 'x', '%00']) expect((await refused(server, `/sse?from=${from}`)).status).toBe(429);
  const thrown = await server.thrownBy(({ sse }) =>
    sse.connect(new Request('http://localhost/'), { anonymous: true, address: 7 as unknown as string }),
  );
  expect(thrown).toMatchObject({ class: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' });
  expect(thrown.message).toContain('address: got 7');
});
