/** An app as the integration guide describes it, with tests for each runner. */

const GUIDE = {
  'features/sse/index.ts': "export { SSEService } from 'ssekit';\n",
  'app/api/webhooks/payment/route.ts': `import { SSEService } from '@/features/sse';

export async function POST(request: Request) {
  const payload = await request.json();
  if (payload.event === 'payment.completed') {
    const sseService = SSEService.getInstance();
    sseService.sendToUser(payload.userId, {
      event: 'payment-completed',
      data: { amount: payload.amount, status: 'completed' },
    });
  }
  return Response.json({ received: true });
}
`,
  'lib/jobs/process-order.ts': `import { SSEService } from '@/features/sse';
import { processOrderLogic } from './logic';

export async function processOrder(orderId: string, userId: string) {
  const sseService = SSEService.getInstance();
  sseService.sendToUser(userId, { event: 'order-processing', data: { orderId, status: 'started' } });
  try {
    await processOrderLogic(orderId);
    sseService.sendToUser(userId, { event: 'order-completed', data: { orderId, status: 'completed' } });
  } catch (error) {
    sseService.sendToUser(userId, { event: 'order-error', data: { orderId, error: (error as Error).message } });
  }
}
`,
  'lib/jobs/logic.ts': `export async function processOrderLogic(orderId: string) {
  if (orderId === 'bad') throw new Error('no such order');
}
`,
  'components/payments.tsx': `'use client';
import { SSEProvider, useLatest } from 'ssekit/react';

function Amount() {
  const paid = useLatest('payment-completed') as { amount: number } | undefined;
  return <output>{paid ? \`paid \${paid.amount}\` : 'unpaid'}</output>;
}

export function Payments() {
  return <SSEProvider url="/api/sse"><Amount /></SSEProvider>;
}
`,
};

/** Five lines for each of the two. */
const TESTS = `import { POST } from '@/app/api/webhooks/payment/route';
import { processOrder } from '@/lib/jobs/process-order';
import { fakeSSE } from 'ssekit/testing';

const sse = fakeSSE();

test('the webhook tells the user', async () => {
  const body = JSON.stringify({ event: 'payment.completed', userId: 'ada', amount: 5 });
  const response = await POST(new Request('http://localhost/', { method: 'POST', body }));
  expect(await response.json()).toEqual({ received: true });
  expect(sse).toHaveSentToUser('ada', { event: 'payment-completed', data: { amount: 5, status: 'completed' } });
});

test('processOrder tells how it went', async () => {
  const ada = sse.connect({ userId: 'ada' });
  await processOrder('42', 'ada');
  expect(ada.received.map(({ event }) => event)).toEqual(['order-processing', 'order-completed']);
  await processOrder('bad', 'ada');
  expect(ada).toHaveReceived({ event: 'order-error', data: { orderId: 'bad', error: 'no such order' } });
});
`;

const COMPONENT_TEST = `import { act } from 'react';
import { createRoot } from 'react-dom/client';
import { Payments } from '@/components/payments';
import { SSEService } from '@/features/sse';
import { createTestStream } from 'ssekit/testing';

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

test('a component shows what is sent', async () => {
  const stream = createTestStream({ userId: 'ada' });
  const place = document.createElement('div');
  const root = createRoot(place);
  await act(async () => root.render(<Payments />));
  expect(place.textContent).toBe('unpaid');
  await act(() => until(() => SSEService.getInstance().isOnline('ada')));
  SSEService.getInstance().sendToUser('ada', { event: 'payment-completed', data: { amount: 5 } });
  await act(() => until(() => place.textContent === 'paid 5'));
  await act(async () => root.unmount());
  stream.restore();
});

async function until(condition: () => boolean) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
`;

/** With the real addon. */
const REAL_TESTS = `import { SSEService } from '@/features/sse';
import { fakeSSE, freshHub } from 'ssekit/testing';

const service = SSEService.getInstance();

test('each file that asks for one begins with a fresh hub', () => {
  freshHub();
  expect([service.getActiveClients(), service.stats().position]).toEqual([[], 0]);
});

test('errors belong to this realm', () => {
  expect(() => service.sendToUser('', { data: 1 })).toThrow(TypeError);
  expect(() => SSEService.configure({ threads: 0 })).toThrow(RangeError);
  expect(() => service.broadcast({ event: 'ssekit:x', data: 1 })).toThrow(TypeError);
});

test('a spy notes what the real hub sends', async () => {
  const told: string[] = [];
  service.on('connect', ({ clientId }) => told.push(clientId));
  const sse = fakeSSE({ mode: 'spy' });
  const ada = sse.connect({ userId: 'ada', clientId: 'tab' });
  const next = ada.next();
  expect(service.sendToUser('ada', { event: 'paid', data: { amount: 5 } })).toBe(1);
  expect(await next).toMatchObject({ event: 'paid', data: { amount: 5 } });
  expect(sse).toHaveSentToUser('ada', 'paid');
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(told).toEqual(['tab']);
  sse.restore();
});

test('a stream of the real hub can be read while timers are faked', async () => {
  timers.useFakeTimers();
  const response = service.connect(new Request('http://localhost/'), { userId: 'bob' });
  const reader = response.body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toContain('event: ssekit:ready');
  const later = reader.read();
  service.sendToUser('bob', { event: 'late', data: 1 });
  expect(new TextDecoder().decode((await later).value)).toContain('event: late');
  timers.useRealTimers();
  // Neither cancelled nor removed: the end of the file has to do that.
  service.on('disconnect', () => { throw new Error('a listener of another file was called'); });
});
`;

const MOCKED = `import { processOrder } from '@/lib/jobs/process-order';
import { SSEService } from '@/features/sse';

test('the mocked module is usable, and its calls are noted', async () => {
  await processOrder('42', 'ada');
  const { sendToUser } = SSEService.getInstance();
  expect(sendToUser).toHaveBeenCalledTimes(2);
  expect(sendToUser).toHaveBeenCalledWith('ada', expect.objectContaining({ event: 'order-completed' }));
  expect(SSEService.getInstance().getActiveClients()).toEqual([]);
  expect(SSEService.getInstance().on('connect', () => {})).toBe(SSEService.getInstance());
});
`;

/** The same test under several names, each with its own head. */
const under = (heads: Record<string, string>, test: string): Record<string, string> =>
  Object.fromEntries(Object.entries(heads).map(([name, head]) => [`tests/${name}`, `${head}\n${test}`]));

const VITEST = "import { expect, test } from 'vitest';";

const tsconfig = (types: string[], include: string[]): string =>
  JSON.stringify({
    compilerOptions: {
      target: 'ES2022',
      lib: ['ES2023', 'DOM', 'DOM.Iterable', 'ESNext.Disposable'],
      module: 'ESNext',
      moduleResolution: 'Bundler',
      jsx: 'react-jsx',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      paths: { '@/*': ['./*'] },
      types,
    },
    include,
  });

export const TESTING_APP: Record<string, string> = {
  ...GUIDE,
  'tsconfig.json': tsconfig(['node', 'jest', 'ssekit/testing/jest'], ['tests/*.jest*.test.*']),
  'tsconfig.vitest.json': tsconfig(['node', 'ssekit/testing/vitest'], ['tests/*.vitest*.test.*']),
  'jest.config.js': `const nextJest = require('next/jest');
module.exports = nextJest({ dir: './' })({
  testMatch: [process.env.TESTS ?? '**/tests/*.jest.test.ts?(x)'],
  moduleNameMapper: { '^@/(.*)$': '<rootDir>/$1' },
  setupFilesAfterEnv: ['ssekit/testing/jest'],
});
`,
  'vitest.config.mts': `import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
export default defineConfig({
  resolve: { alias: { '@': fileURLToPath(new URL('.', import.meta.url)) } },
  test: { include: [process.env.TESTS ?? 'tests/*.vitest.test.{ts,tsx}'], setupFiles: ['ssekit/testing/vitest'] },
});
`,
  ...under({ 'node.jest.test.ts': '', 'jsdom.jest.test.ts': '/** @jest-environment jsdom */' }, TESTS),
  ...under({ 'mock.jest.test.ts': "jest.mock('@/features/sse');" }, MOCKED),
  ...under(
    {
      'mock.vitest.test.ts': `import { expect, test, vi } from 'vitest';
vi.mock('@/features/sse', async () => (await import('ssekit/testing')).mockSSE(vi.fn));`,
    },
    MOCKED,
  ),
  ...under(
    {
      'real-node.jest-real.test.ts': 'const timers = jest;',
      'real-again.jest-real.test.ts': 'const timers = jest;',
      'real-jsdom.jest-real.test.ts': "/** @jest-environment jsdom */\nimport 'ssekit/testing';\nconst timers = jest;",
      'real-node.vitest-real.test.ts': "import { expect, test, vi as timers } from 'vitest';",
      'real-jsdom.vitest-real.test.ts':
        "// @vitest-environment jsdom\nimport { expect, test, vi as timers } from 'vitest';",
    },
    REAL_TESTS,
  ),
  ...under({ 'component.jest.test.tsx': '/** @jest-environment jsdom */' }, COMPONENT_TEST),
  ...under(
    {
      'node.vitest.test.ts': VITEST,
      'jsdom.vitest.test.ts': `// @vitest-environment jsdom\n${VITEST}`,
      'happy.vitest.test.ts': `// @vitest-environment happy-dom\n${VITEST}`,
    },
    TESTS,
  ),
  ...under(
    {
      'component-jsdom.vitest.test.tsx': `// @vitest-environment jsdom\n${VITEST}`,
      'component-happy.vitest.test.tsx': `// @vitest-environment happy-dom\n${VITEST}`,
    },
    COMPONENT_TEST,
  ),
  'bun/bun.test.ts': `import { beforeEach, expect, test } from 'bun:test';
import { matchers, resetFake } from 'ssekit/testing';
expect.extend(matchers as never);
beforeEach(resetFake);
${TESTS}`,
  'node/webhook.test.mjs': `import assert from 'node:assert';
import { beforeEach, test } from 'node:test';
import { SSEService } from 'ssekit';
import { assertReceived, assertSentToUser, fakeSSE } from 'ssekit/testing';

const sse = fakeSSE();
beforeEach(() => sse.reset());

test('a user is told', async () => {
  const ada = sse.connect({ userId: 'ada' });
  assert.equal(SSEService.getInstance().sendToUser('ada', { event: 'paid', data: { amount: 5 } }), 1);
  assertSentToUser(sse, 'ada', { event: 'paid', data: { amount: 5 } });
  assertReceived(ada, 'paid');
  setTimeout(() => SSEService.getInstance().broadcast({ event: 'later', data: 1 }), 1);
  await sse.waitFor({ event: 'later' });
});
`,
  'node/setup.test.mjs': `import assert from 'node:assert';
import { test } from 'node:test';
import { SSEService } from 'ssekit';

test('--import ssekit/testing/setup gives a fake from the beginning', () => {
  assert.equal(SSEService.getInstance().sendToUser('ada', { data: 1 }), 0);
});
`,
};
