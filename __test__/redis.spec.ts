/** The Redis that tests of the backplane are run with does what they rely on. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Redis, stopRedis } from './support/redis';
import { command } from './support/resp';
import { until } from './support/until';

afterEach(stopRedis);

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('every kind of reply is read', async () => {
  const redis = await Redis.start();
  expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`);
  expect(await redis.command('PING')).toBe('PONG');
  expect(await redis.command('SET', 'key', 'grüße\r\n')).toBe('OK');
  expect(await redis.command('GET', 'key')).toBe('grüße\r\n');
  expect(await redis.command('GET', 'none')).toBe(null);
  expect(await redis.command('XADD', 'stream', '1-1', 'field', 'x'.repeat(200_000))).toBe('1-1');
  expect(await redis.command('XLEN', 'stream')).toBe(1);
  expect(await redis.command('XRANGE', 'stream', '-', '+')).toEqual([['1-1', ['field', 'x'.repeat(200_000)]]]);
  await expect(redis.command('NO', 'SUCH')).rejects.toThrow('unknown command');
});

test('two servers run side by side', async () => {
  const [one, other] = await Promise.all([Redis.start(), Redis.start()]);
  await one.command('SET', 'key', 'value');
  expect(await other.command('GET', 'key')).toBe(null);
});

test('a killed server comes back on its port', async () => {
  const redis = await Redis.start();
  const socket = connect(redis.port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  // Not `once`, which takes the reset for its own failure.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await redis.kill('SIGKILL');
  await closed;
  await expect(redis.command('PING')).rejects.toThrow('ECONNREFUSED');
  const { pid, port } = redis;
  await redis.restart();
  expect(redis.port).toBe(port);
  expect(redis.pid).not.toBe(pid);
  expect(await redis.command('PING')).toBe('PONG');
});

test('a crash keeps data only with appendonly', async () => {
  const [durable, forgetful] = [await Redis.start({ appendonly: true }), await Redis.start()];
  for (const redis of [durable, forgetful]) {
    await redis.command('SET', 'key', 'value');
    await redis.restart();
  }
  expect(await durable.command('GET', 'key')).toBe('value');
  expect(await forgetful.command('GET', 'key')).toBe(null);
  await durable.restart({ empty: true });
  expect(await durable.command('GET', 'key')).toBe(null);
});

test('a paused server answers once it is resumed', async () => {
  const redis = await Redis.start();
  redis.pause();
  let answered = false;
  const answer = redis.command('PING').then((reply) => {
    answered = true;
    return reply;
  });
  // That it stands still is what the system says; that nothing comes meanwhile follows from it.
  await until('it to stand still', () => stateOf(redis.pid) === 'T');
  expect(answered).toBe(false);
  redis.resume();
  expect(await answer).toBe('PONG');
});

test('the server asks for a password', async () => {
  const redis = await Redis.start({ requirepass: 'open "sesame"\\' });
  expect(redis.url).toContain(`:${encodeURIComponent('open "sesame"\\')}@`);
  expect(await redis.command('PING')).toBe('PONG');
  await expect(command({ port: redis.port }, 'PING')).rejects.toThrow('NOAUTH');
  await expect(command({ port: redis.port, password: 'wrong' }, 'PING')).rejects.toThrow('WRONGPASS');
});

test('full memory refuses writes', async () => {
  const redis = await Redis.start({ maxmemory: '3mb' });
  await expect(
    (async () => {
      for (;;) await redis.command('XADD', 'stream', '*', 'field', 'x'.repeat(500_000));
    })(),
  ).rejects.toThrow('OOM command not allowed');
  expect(await redis.command('PING')).toBe('PONG');
});

test('a TLS server accepts nothing else', async () => {
  const redis = await Redis.start({ tls: true, requirepass: 'secret' });
  expect(redis.url).toBe(`rediss://:secret@127.0.0.1:${redis.port}`);
  expect(await redis.command('PING')).toBe('PONG');
  await expect(command({ port: redis.port, password: 'secret' }, 'PING')).rejects.toThrow();
});

test('a refused configuration is reported', async () => {
  await expect(Redis.start({ config: { maxmemory: 'much' } })).rejects.toThrow(/did not start:.*maxmemory/s);
});

test('a server does not outlive its test run', async () => {
  const redis = await Redis.start({ appendonly: true });
  const [, folder] = (await redis.command('CONFIG', 'GET', 'dir')) as [string, string];
  await redis.stop();
  expect([isAlive(redis.pid), existsSync(folder)]).toEqual([false, false]);

  const other = await Redis.start();
  other.abandon();
  await until('it to be gone', () => !isAlive(other.pid));
});

/** `T`: stopped. */
function stateOf(pid: number): string | undefined {
  if (process.platform !== 'linux')
    return execFileSync('ps', ['-o', 'state=', '-p', `${pid}`])
      .toString()
      .trim()[0];
  return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
}
