/** The fake of `ssekit/testing` does what the addon does: the same programs run on both, and observe the same. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SSEService } from '../index';
import type { FakeSSE } from '../ts/testing';
import { type Case, masked } from './conformance/case';
import { channels } from './conformance/channels';
import { presence } from './conformance/presence';
import { refusing } from './conformance/refusing';
import { resuming } from './conformance/resuming';
import { sending } from './conformance/sending';

const ROOT = join(__dirname, '..');

const TOPICS = { sending, refusing, resuming, channels, presence };

// The package as it is installed.
const { SSEService: Service }: { SSEService: typeof SSEService } = require('../index.js');
const { fakeSSE, freshHub }: typeof import('../ts/testing') = require('../dist/testing/index.js');

let sse: FakeSSE;
afterEach(() => sse.restore());

/** A hub stays in memory, and its file on the disk, until the process ends. So those that nothing has changed are used again. */
let isFresh = false;

const folder = mkdtempSync(join(tmpdir(), 'ssekit-conformance-'));
afterAll(() => rmSync(folder, { recursive: true }));

// With the symbols of a debug build, each would take 120 MB.
beforeAll(() => {
  const [binary = ''] = readdirSync(ROOT).filter((name) => /^ssekit\..*\.node$/.test(name));
  const small = join(folder, 'ssekit.node');
  const { status } = spawnSync('strip', ['--strip-debug', '-o', small, join(ROOT, binary)]);
  if (status === 0) process.env.NAPI_RS_NATIVE_LIBRARY_PATH = small;
});

async function observe({ run, changesNothing = false }: Case, mode: 'fake' | 'spy'): Promise<unknown> {
  if (mode === 'spy') {
    if (!isFresh) freshHub();
    isFresh = changesNothing;
  }
  sse = fakeSSE({ mode });
  const observed = await run({ SSEService: Service, service: Service.getInstance(), sse });
  sse.restore();
  return masked(observed);
}

describe.each(Object.entries(TOPICS))('%s', (_, cases) => {
  test.each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const [fake, real] = [await observe(one, 'fake'), await observe(one, 'spy')];
    expect(real).toBeDefined();
    expect(fake).toEqual(real);
    if (one.expected !== undefined) expect(fake).toEqual(one.expected);
  });
});
