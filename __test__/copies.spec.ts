/** However often the package is loaded in a process, there is one hub. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killPrograms, Program } from './support/program';

const root = join(__dirname, '..');

afterEach(killPrograms);

describe('two copies of the package', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ssekit-copy-'));
    const addon = readdirSync(root).filter((name) => name.endsWith('.node'));
    for (const name of ['package.json', 'index.js', 'binding.js', 'dist', ...addon]) {
      cpSync(join(root, name), join(folder, name), { recursive: true });
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('share one hub', async () => {
    const result = await Program.result<{ epochs: string[] }>('copies.cjs', [folder]);
    expect(result).toEqual({
      different: true,
      seen: ['of the copy'],
      count: 1,
      received: expect.stringMatching(/^data: "from the other copy"\n/),
      active: ['of its own', 'of the copy'],
      epochs: [result.epochs[0], result.epochs[0]],
    });
  });

  test('make one span for each send', async () => {
    const spans = [['send user'], ['send user']];
    expect(await Program.result('copies-traced.cjs', [folder])).toEqual({ different: true, events: 2, spans });
  });
});

test('`import` and `require` give the same module', async () => {
  expect(await Program.result('imports.mjs')).toEqual({ same: true, subpaths: ['function', 'function'] });
});

describe('hot reloads', () => {
  type Result = {
    active: string[];
    received: string;
    told: number;
    epochs: string[];
    transports: Record<string, number>;
    alive: number;
    growth: number;
  };
  let result: Result;

  beforeAll(async () => {
    result = await Program.result<Result>('reloads.cjs', [], ['--expose-gc']);
  });

  test('keep the hub, its clients and its listeners', () => {
    expect(result).toMatchObject({
      active: ['lasting'],
      received: 'data: "from the last generation"',
      // Its own client and one of each generation.
      told: 401,
      epochs: [result.epochs[0], result.epochs[0]],
      transports: { opening: 0, handoff: 0, stream: 1, listener: 0 },
    });
  });

  test('leave nothing behind', () => {
    // The last generation is still loaded, and one more may be held by the module cache it came from.
    expect(result.alive).toBeLessThanOrEqual(2);
    // 100 generations; the smallest thing that could be left of each, a closure and its native callback, is 4 KiB.
    expect(result.growth).toBeLessThan(100 * 2048);
  });
});
