/** The fake of `ssekit/testing` does what the addon does: the same programs run on both, and observe the same. */
import type { SSEService } from '../index';
import type { FakeSSE } from '../ts/testing';
import { type Case, masked } from './conformance/case';
import { channels } from './conformance/channels';
import { presence } from './conformance/presence';
import { refusing } from './conformance/refusing';
import { resuming } from './conformance/resuming';
import { sending } from './conformance/sending';

const TOPICS = { sending, refusing, resuming, channels, presence };

// The package as it is installed.
const { SSEService: Service }: { SSEService: typeof SSEService } = require('../index.js');
const { fakeSSE, freshHub }: typeof import('../ts/testing') = require('../dist/testing/index.js');

let sse: FakeSSE;
afterEach(() => sse.restore());

async function observe({ run }: Case, mode: 'fake' | 'spy'): Promise<unknown> {
  if (mode === 'spy') freshHub();
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
