/** Two nodes: a page asks one of them for a channel, while the other one has its stream. */
import type { Evaluator } from './support/evaluator';
import { allKnow, join, lastIdOf, sharedRedis, storyOf, told } from './support/nodes';
import { RawClient } from './support/raw-client';

const redis = sharedRedis();

/** Serves a route whose users are in the query, as a cookie would be. Returns its port. */
const serve = (node: Evaluator): Promise<number> =>
  node.evaluate(({ require }) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    const identify = (request: Request): object => {
      const userId = new URL(request.url).searchParams.get('user');
      return userId === null ? { anonymous: true } : { userId };
    };
    const authorize = (channel: string): boolean => channel.startsWith('order:');
    return require('./route-server.cjs').serveRoute(createSSERoute({ identify, authorize }));
  });

/** Two nodes that know each other, and the ports of their routes. */
async function twoNodes(): Promise<[Evaluator, Evaluator, number, number]> {
  const [one, other] = [await join(redis.url), await join(redis.url)];
  return [one, other, await serve(one), await serve(other)];
}

async function post(port: number, query: string, body: object): Promise<[number, unknown]> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`http://127.0.0.1:${port}/sse?${query}`, init);
  return [response.status, await response.json()];
}

const send = (node: Evaluator, data: string): Promise<number> =>
  node.evaluate(({ sse }, data) => sse.sendToChannel('order:1', { event: 'e', data }), data);

const BEGUN = 'ssekit:subscribed {"channel":"order:1"}';
const ENDED = 'ssekit:unsubscribed {"channel":"order:1"}';

test('a page changes its channels at any node', async () => {
  const [one, other, here, there] = await twoNodes();
  const tab = await RawClient.stream(here, { path: '/sse?user=ada&clientId=tab' });
  await allKnow([one, other], ['tab']);
  const asked = await post(there, 'user=ada', { clientId: 'tab', subscribe: ['order:1', 'secret'] });
  expect(asked).toEqual([200, { subscribed: ['order:1'], unsubscribed: [], refused: ['secret'] }]);
  await told(tab, BEGUN);
  await send(other, 'x');
  await told(tab, 'e "x"');
  // Its stream continues at the other node, with the channel.
  const last = lastIdOf(tab);
  tab.destroy();
  await send(one, 'y');
  const again = await RawClient.stream(there, {
    path: '/sse?user=ada&clientId=tab',
    headers: { 'last-event-id': last },
  });
  await told(again, 'e "y"');
  expect((await post(here, 'user=ada', { clientId: 'tab', unsubscribe: ['order:1'] }))[0]).toBe(200);
  await told(again, ENDED);
  await send(one, 'z');
  await one.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'last', data: 0 }));
  await told(again, 'last 0');
  expect(storyOf(again)).toEqual(['e "y"', ENDED, 'last 0']);
});

test('a page changes no client of others at any node', async () => {
  const [one, other, here, there] = await twoNodes();
  const tab = await RawClient.stream(here, { path: '/sse?user=ada&clientId=tab' });
  const named = await RawClient.stream(here, { path: '/sse?clientId=named' });
  await allKnow([one, other], ['tab', 'named']);
  const subscribe = ['order:1'];
  for (const query of ['user=bob', '']) {
    expect((await post(there, query, { clientId: 'tab', subscribe }))[0]).toBe(404);
  }
  // Only the node of the stream knows its key. It ignores the orders of those who do not show it.
  const place = lastIdOf(named).split('~')[0];
  for (const lastEventId of [undefined, place, `${place}~0123456789abcdef`]) {
    await post(there, '', { clientId: 'named', subscribe, lastEventId });
  }
  await send(other, 'nobody gets this');
  expect((await post(there, '', { clientId: 'named', subscribe, lastEventId: lastIdOf(named) }))[0]).toBe(200);
  await told(named, BEGUN);
  await send(other, 'x');
  await told(named, 'e "x"');
  expect(storyOf(named)).toEqual([BEGUN, 'e "x"']);
  expect(storyOf(tab)).toEqual([]);
});
