/** Publishing through the listener of a process that shares a Redis. */
import { createPublisher } from 'ssekit/publish';
import { runCli, stopClis } from './support/cli';
import { errorsOf, join, open, sharedRedis, storyOf, told } from './support/nodes';
import { TOKEN } from './support/publishing';

const redis = sharedRedis();
afterEach(stopClis);

/** A node with a listener. */
async function listening() {
  const node = await join(redis.url);
  const { port } = await node.evaluate(async ({ sse }, token) => {
    const { port } = await sse.listen({ publish: { token } });
    return { port };
  }, TOKEN);
  return { node, at: `http://127.0.0.1:${port}` };
}

test('receipts have no id, and a channel is no user or client of that name', async () => {
  const { node, at } = await listening();
  const tab = await open(node, 'x', 'x');
  const publisher = createPublisher({ url: at, token: TOKEN });
  expect(await publisher.sendToChannel('x', { event: 'to the channel', data: 1 })).toBe(0);
  expect(
    await publisher.publish([
      { channel: 'x', event: { event: 'to the channel', data: 2 } },
      { userId: 'x', event: { event: 'to the user', data: 3 } },
    ]),
  ).toEqual([
    { clients: 0, id: null },
    { clients: 1, id: null },
  ]);
  await told(tab, 'to the user 3');
  expect(storyOf(tab)).toEqual(['to the user 3']);
  expect(await errorsOf(node)).toEqual([]);
});

test('ssekit send reports a missing client only where one was named', async () => {
  const { node, at } = await listening();
  const tab = await open(node, 'ada', 'tab');
  const send = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runCli(['send', at, ...args], { env: { SSEKIT_PUBLISH_TOKEN: TOKEN } });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    return stdout;
  };
  expect(await send('--channel', 'news')).toBe('sent to 0 connected clients\n');
  expect(await send('--user', 'nobody')).toBe('sent to 0 connected clients\n');
  expect(await send('--client', 'nobody')).toBe('sent to 0 connected clients: no such client is connected\n');
  expect(await send('--client', 'tab', '--event', 'one')).toBe('sent to 1 connected client\n');
  expect(await send('--broadcast', '--event', 'two')).toBe('sent to 1 connected client\n');
  await told(tab, 'two null');
  expect(storyOf(tab)).toEqual(['one null', 'two null']);
});
