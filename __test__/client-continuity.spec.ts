/** A page that proposes its client id in the URL keeps it, and gets what it missed: `EventSource` repeats its URL. */
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { withoutRefusals } from './support/refusal-lines';
import { openStream, startWith, TRANSPORTS } from './support/transports';
import { until } from './support/until';

afterEach(closeClients);
afterAll(stopEvaluators);

/** An application that says who the user is, and leaves the client to the page. */
async function start(transport: (typeof TRANSPORTS)[number]): Promise<Evaluator> {
  const server = await startWith(transport, { history: { maxAgeMs: 3_600_000 } });
  await server.evaluate((given) => {
    given.clientOf = (query) => ({ userId: query.get('userId'), anonymous: true });
  });
  return server;
}

const active = (server: Evaluator) => server.evaluate(({ sse }) => sse.getActiveClients());
const gone = (server: Evaluator) => until('nobody to be there', async () => (await active(server)).length === 0);

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  beforeAll(async () => {
    server = await start(transport);
  });

  test('the id in the query is the id of the client, and what is sent to it while it is away waits for it', async () => {
    const path = '/sse?userId=ada&clientId=0b8f-ada';
    const first = await openStream(server, transport, { path });
    expect(await active(server)).toEqual(['0b8f-ada']);
    const seen = first.events().at(-1)?.id as string;
    first.reset();
    await gone(server);
    const sent = await server.evaluate(({ sse }) => [
      sse.sendToClient('0b8f-ada', { event: 'client', data: 1 }),
      sse.sendToUser('ada', { event: 'user', data: 2 }),
      sse.broadcast({ event: 'all', data: 3 }),
    ]);
    expect(sent).toEqual([false, 0, 0]);
    expect(await server.evaluate(({ sse }) => sse.stats().away)).toBe(1);
    const again = await openStream(server, transport, { path, headers: { 'last-event-id': seen } });
    expect((await again.next(3)).map(({ event, data }) => `${event} ${data}`)).toEqual(['client 1', 'user 2', 'all 3']);
    expect((await again.ready()).resumed).toBe(true);
  });

  test('a page that opens a new stream without its last id is told of what it missed, and of nothing else', async () => {
    const path = '/sse?userId=ada&clientId=reopened';
    const first = await openStream(server, transport, { path });
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 1 }));
    await first.next(1);
    first.reset();
    await gone(server);
    const second = await openStream(server, transport, { path });
    await server.evaluate(({ sse }) => sse.sendToClient('reopened', { event: 'client', data: 2 }));
    expect((await second.next(1)).map(({ event }) => event)).toEqual(['client']);
    second.reset();
    await gone(server);
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 3 }));
    const third = await openStream(server, transport, { path });
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 4 }));
    const told = (await third.next(2)).map(({ event, data }) => `${event} ${data}`);
    expect(told).toEqual(['ssekit:reset {"reason":"unknown"}', 'user 4']);
    third.reset();
    await gone(server);
  });

  test('what was sent to a client that nobody keeps resets its page', async () => {
    const path = '/sse?userId=carol';
    const first = await openStream(server, transport, { path });
    const { clientId } = await first.ready();
    const seen = first.events().at(-1)?.id as string;
    first.reset();
    await gone(server);
    expect(await server.evaluate(({ sse }, id) => sse.sendToClient(id, { data: 'missed' }), clientId)).toBe(false);
    const again = await openStream(server, transport, { path, headers: { 'last-event-id': seen } });
    expect((await again.next(1))[0]).toMatchObject({ event: 'ssekit:reset', data: '{"reason":"evicted"}' });
    again.reset();
    await gone(server);
  });

  test('a greeting comes behind the reset that is owed', async () => {
    await server.evaluate(({ sse }) => {
      sse.on('connect', ({ clientId }) => {
        if (clientId.startsWith('greeted')) sse.sendToClient(clientId, { event: 'welcome', data: null });
      });
    });
    for (const [number, id] of ['0123456789.3', 'ssekit:unknown', 'ssekit:evicted'].entries()) {
      const path = `/sse?userId=ada&clientId=greeted-${number}`;
      const stream = await openStream(server, transport, { path, headers: { 'last-event-id': id } });
      expect((await stream.next(2)).map(({ event }) => event)).toEqual(['ssekit:reset', 'welcome']);
      stream.reset();
    }
    await gone(server);
  });

  test('an anonymous client goes on by the key in its ids, and who has only its id and its place is another client', async () => {
    const path = '/sse?clientId=visitor';
    const first = await openStream(server, transport, { path });
    await server.evaluate(({ sse }) => {
      sse.sendToClient('visitor', { event: 'secret', data: 1 });
      sse.broadcast({ id: 'own', event: 'all', data: 2 });
    });
    const [secret, own] = await first.next(2);
    const [place, key] = `${secret?.id}`.split('~') as [string, string];
    expect(key).toMatch(/^[0-9a-z]{16}$/);
    expect(own?.id).toBe(`own~${key}`);
    const seen = first.events().at(0)?.id as string;
    expect(seen.endsWith(`~${key}`)).toBe(true);
    // The line of an access log, and the request that anybody can make from it.
    const forged = `${place}~0123456789abcdef`;
    for (const id of [undefined, seen.split('~')[0], place, forged, 'ssekit:unknown', 'own']) {
      const thief = await openStream(server, transport, { path, headers: id ? { 'last-event-id': id } : {} });
      expect((await thief.ready()).clientId).not.toBe('visitor');
      await server.evaluate(({ sse }) => sse.sendToClient('visitor', { event: 'secret', data: 3 }));
      await server.evaluate(({ sse }) => sse.broadcast({ event: 'mark', data: 4 }));
      await until('the mark', () => thief.events().some(({ event }) => event === 'mark'));
      expect(thief.events().map(({ event }) => event)).not.toContain('secret');
      thief.destroy();
    }
    const inUrl = await openStream(server, transport, { path: `${path}&lastEventId=${seen}` });
    expect((await inUrl.ready()).clientId).not.toBe('visitor');
    inUrl.destroy();
    expect(first.ended).toBe(false);
    const again = await openStream(server, transport, { path, headers: { 'last-event-id': `${own?.id}` } });
    expect(await again.ready()).toMatchObject({ clientId: 'visitor', resumed: true });
    expect((await again.next(1))[0]).toMatchObject({ event: 'secret', data: '3' });
    await until('the older one to be replaced', () => first.ended);
  });

  test('another user’s claim to it is answered with 409, also while its client is away', async () => {
    const path = '/sse?userId=ada&clientId=adas';
    const adas = await openStream(server, transport, { path });
    adas.end();
    await until('her to be away', async () => !(await active(server)).includes('adas'));
    for (const other of ['/sse?userId=bob&clientId=adas', '/sse?clientId=adas']) {
      const thief = await RawClient.request(server.port, { path: other });
      await until('an answer', () => thief.body.includes('\n'));
      expect(thief.status).toBe(409);
    }
    expect(await server.evaluate(({ sse }) => sse.stats().refusals.claimed)).toBe(2);
    // A log-out frees it: somebody else logs in, in the same tab.
    const again = await openStream(server, transport, { path });
    expect(await server.evaluate(({ sse }) => sse.disconnectUser('ada'))).toBeGreaterThan(0);
    await until('her stream to end', () => again.ended);
    const bobs = await openStream(server, transport, { path: '/sse?userId=bob&clientId=adas' });
    expect((await bobs.ready()).userId).toBe('bob');
  });

  test('the last event id in the query resumes where a header cannot be set, and the header goes before it', async () => {
    const { epoch, position } = await server.evaluate(({ sse }) => {
      const { epoch, position } = sse.stats();
      for (const data of [1, 2, 3]) sse.broadcast({ event: 'missed', data });
      return { epoch, position };
    });
    const path = `/sse?lastEventId=${epoch}.${position}`;
    const byQuery = await openStream(server, transport, { path });
    expect((await byQuery.next(3)).map(({ data }) => data)).toEqual(['1', '2', '3']);
    const headers = { 'last-event-id': `${epoch}.${position + 2}` };
    const byHeader = await openStream(server, transport, { path, headers });
    expect((await byHeader.next(1)).map(({ data }) => data)).toEqual(['3']);
  });

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(257)],
    ['not ASCII', '%C3%A4'],
    ['a line end', 'a%0Ab'],
    ['a space at its end', 'a%20'],
  ])('an id in the query that is %s is answered with 400, and throws nothing into the application', async (_, id) => {
    const before = await server.evaluate(({ sse }) => sse.stats().connects);
    const client = await RawClient.request(server.port, { path: `/sse?clientId=${id}` });
    await until('an answer', () => client.body.includes('\n'));
    expect(client.status).toBe(400);
    expect(await server.evaluate(({ sse }) => sse.stats().connects)).toBe(before);
    expect(withoutRefusals(server.stderr)).toBe('');
  });

  test('what the application says goes before what the page says', async () => {
    const inner = await server.evaluate(async ({ sse }) => {
      const url = 'http://localhost/sse?clientId=of-the-page';
      const ids: string[] = [];
      for (const client of [{ anonymous: true }, { anonymous: true, clientId: 'of-the-app' }]) {
        const reader = (sse.connect(new Request(url), client).body as ReadableStream<Uint8Array>).getReader();
        const { value } = await reader.read();
        ids.push(JSON.parse(/^data: (.*)$/m.exec(new TextDecoder().decode(value))?.[1] as string).clientId);
        await reader.cancel();
      }
      return ids;
    });
    expect(inner).toEqual(['of-the-page', 'of-the-app']);
  });
});
