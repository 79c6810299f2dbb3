/** `ssekit doctor` in the folder of an app whose history is in a folder. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli, stopClis } from './support/cli';
import { stopEvaluators } from './support/evaluator';
import { errorsOf, join as joinHub, open, storyOf, told } from './support/nodes';
import { closeClients } from './support/raw-client';

let app: string;
const data = (): string => join(app, 'data');

beforeEach(() => {
  app = mkdtempSync(join(tmpdir(), 'ssekit-cli-data-'));
  writeFileSync(join(app, 'package.json'), JSON.stringify({ dependencies: { ssekit: '0.1.0' } }));
  mkdirSync(join(app, 'node_modules'));
  symlinkSync(join(__dirname, '..'), join(app, 'node_modules', 'ssekit'));
});
afterEach(async () => {
  closeClients();
  await stopClis();
  await stopEvaluators();
  rmSync(app, { recursive: true });
});

interface Report {
  ok: boolean;
  findings: { level: string; id: string; seen: string }[];
}

/** The variable names the folder as an app would: relative to its own. */
async function reportOf(env: Record<string, string> = {}): Promise<Report> {
  const { stdout } = await runCli(['doctor', '--json'], { cwd: app, env: { SSEKIT_DATA_DIR: 'data', ...env } });
  return JSON.parse(stdout);
}

test('a folder that is not there yet is noted, and not made', async () => {
  const { ok, findings } = await reportOf();
  expect([ok, findings]).toMatchObject([true, [{ level: 'note', id: 'data-folder' }]]);
  expect(findings[0]?.seen).toMatch(/\/data, and there is no such folder/);
  expect(existsSync(data())).toBe(false);
  expect((await reportOf({ SSEKIT_DATA_DIR: '' })).findings).toEqual([]);
});

test('a folder in use has no finding, and its processes do not notice', async () => {
  const server = await joinHub(data());
  const tab = await open(server, 'ada', 'tab');
  expect(await reportOf()).toMatchObject({ ok: true, findings: [] });
  await server.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 1 }));
  await told(tab, 'all 1');
  expect([storyOf(tab), await errorsOf(server)]).toEqual([['all 1'], []]);
});

describe('the folder of an app from init', () => {
  const usual = async (env: Record<string, string> = {}): Promise<Report> => {
    const { stdout } = await runCli(['doctor', '--json'], { cwd: app, env });
    return JSON.parse(stdout);
  };
  const damage = (): void => {
    mkdirSync(join(app, '.data'));
    writeFileSync(join(app, '.data', 'history.db'), 'This is a text, and no database. '.repeat(100));
  };

  test('is examined without a variable, once it is used', async () => {
    expect((await usual()).findings).toEqual([]);
    damage();
    const { ok, findings } = await usual();
    expect([ok, findings]).toMatchObject([false, [{ level: 'problem', id: 'data-folder' }]]);
    expect(findings[0]?.seen).toMatch(/\/\.data: .*not a database/);
  });

  test.each<Record<string, string>>([{ SSEKIT_DATA_DIR: '' }, { SSEKIT_REDIS_URL: 'redis://127.0.0.1:1' }])(
    'is left alone with %j',
    async (env) => {
      damage();
      expect((await usual(env)).findings).toEqual([]);
    },
  );
});

test.each<[string, () => void, RegExp]>([
  ['a file in place of the folder', () => writeFileSync(data(), ''), /a file has the name of a folder/],
  [
    'a file of something else',
    () => {
      mkdirSync(data());
      writeFileSync(join(data(), 'history.db'), 'This is a text, and no database. '.repeat(100));
    },
    /not a database/,
  ],
])('%s is a problem, with the reason', async (_, prepare, reason) => {
  prepare();
  const { ok, findings } = await reportOf();
  expect([ok, findings]).toMatchObject([false, [{ level: 'problem', id: 'data-folder' }]]);
  expect(findings[0]?.seen).toMatch(reason);
});

test('a folder beside Redis is a problem that names both', async () => {
  const { ok, findings } = await reportOf({ SSEKIT_REDIS_URL: 'redis://ada:s3cret@127.0.0.1:1' });
  expect([ok, findings]).toMatchObject([false, [{ level: 'problem', id: 'data-folder' }]]);
  expect(findings[0]?.seen).toBe('SSEKIT_DATA_DIR and SSEKIT_REDIS_URL are both set.');
  expect(JSON.stringify(findings)).not.toContain('s3cret');
});
