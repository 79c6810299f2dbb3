/** `SSEEventMap`: TypeScript holds what is sent under a declared name to its type, and leaves all other names free. */
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '..');
const FILE = join(ROOT, 'event-map-snippet.ts');

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  strict: true,
  noEmit: true,
  types: [],
  paths: { ssekit: [join(ROOT, 'index.d.ts')], 'ssekit/publish': [join(ROOT, 'dist/publish/index.d.ts')] },
};

const DECLARED = `
import { type SSEEvent, type SSEEventMap, SSEService } from 'ssekit';
import { createPublisher } from 'ssekit/publish';
declare module 'ssekit' {
  interface SSEEventMap {
    notification: { message: string; timestamp?: string };
    'order-completed': { orderId: string };
  }
}
declare const anything: any;
declare const name: string;
const sse = SSEService.getInstance();
const publisher = createPublisher();
`;

/** Each line is one statement; what TypeScript has to say of it, or nothing. */
function problems(lines: string[]): (string | undefined)[] {
  const first = DECLARED.split('\n').length - 1;
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path === FILE || fileExists(path);
  host.getSourceFile = (path, version, ...rest) =>
    path === FILE
      ? ts.createSourceFile(path, DECLARED + lines.join('\n'), version)
      : getSourceFile(path, version, ...rest);
  const program = ts.createProgram([FILE], options, host);
  const found: (string | undefined)[] = lines.map(() => undefined);
  for (const { file, start = 0, messageText } of ts.getPreEmitDiagnostics(program)) {
    const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) - first;
    found[line] = ts.flattenDiagnosticMessageText(messageText, ' ');
  }
  return found;
}

const FITS = [
  "sse.sendToUser('ada', { event: 'notification', data: { message: 'a', timestamp: 'b' } });",
  "sse.sendToClient('c', { event: 'order-completed', data: { orderId: '7' }, id: '1', retry: 10 });",
  "sse.sendToChannel('x', { event: 'order-completed', data: { orderId: '7' } });",
  "sse.broadcast({ event: 'notification', data: { message: 'a' } }, 'c');",
  "sse.sendToUser('ada', { event: 'notification', data: anything });",
  "publisher.sendToUser('ada', { event: 'notification', data: { message: 'a' } });",
  "publisher.sendToChannel('order:7', { event: 'order-completed', data: { orderId: '7' } });",
  "publisher.publish([{ userId: 'a', event: { event: 'order-completed', data: { orderId: '7' } } }]);",
  "const typed: SSEEvent<unknown, 'notification'> = { event: 'notification', data: { message: 'a' } };",
  "const read = (data: SSEEventMap['notification']): string => data.message;",
];

const UNDECLARED = [
  "sse.sendToUser('ada', { event: 'other', data: 42 });",
  "sse.sendToUser('ada', { data: undefined });",
  "sse.broadcast({ event: name, data: { any: 'thing' } });",
  "sse.sendToUser<{ a: number }>('ada', { event: 'other', data: { a: 1 } });",
  "publisher.publish([{ userId: 1, event: { data: 1 } }, { broadcast: true, event: { event: name, data: 'b' } }]);",
  "publisher.publish([{ channel: 'order:7', event: { event: 'other', data: 1 } }]);",
  "publisher.publish([1, 2].map((n) => ({ userId: n, event: { event: 'other', data: n } })));",
  "const event: SSEEvent = { event: 'notification', data: 'of no known type' }; sse.broadcast(event);",
];

const MISTAKES: [statement: string, said: string][] = [
  ["sse.sendToUser('ada', { event: 'notification', data: { massage: 'a' } });", "'massage' does not exist"],
  ["sse.sendToClient('c', { event: 'order-completed', data: { orderId: 7 } });", "'number' is not assignable"],
  ["sse.sendToChannel('x', { event: 'order-completed', data: { orderId: 7 } });", "'number' is not assignable"],
  ["sse.broadcast({ event: 'notification', data: 'a' });", "to type '{ message: string;"],
  ["sse.broadcast({ event: anything ? 'notification' : 'order-completed', data: { a: 1 } });", "'a' does not exist"],
  ["publisher.sendToClient('c', { event: 'order-completed', data: { orderId: 7 } });", "'number' is not assignable"],
  ["publisher.sendToChannel('c', { event: 'order-completed', data: { orderId: 7 } });", "'number' is not assignable"],
  ['publisher.sendToChannel(7, { data: 1 });', "'number' is not assignable"],
  [
    "publisher.publish([{ userId: 'a', event: { event: 'other', data: 1 } }, { clientId: 'c', event: { event: 'notification', data: 2 } }]);",
    "'number' is not assignable",
  ],
  ["publisher.publish([{ userId: 'a', clientId: 'c', event: { data: 1 } }]);", 'is not assignable'],
  ["publisher.publish([{ channel: 'a', clientId: 'c', event: { data: 1 } }]);", 'is not assignable'],
  ["publisher.publish([{ channel: 'a', excludeClientId: 'c', event: { data: 1 } }]);", 'is not assignable'],
  ["sse.sendToUser<{ a: number }>('ada', { event: 'other', data: { a: 'b' } });", "'string' is not assignable"],
];

let found: (string | undefined)[];
beforeAll(() => {
  found = problems([...FITS, ...UNDECLARED, ...MISTAKES.map(([statement]) => statement)]);
});

test('a matching event is accepted by every call', () => {
  expect(found.slice(0, FITS.length)).toEqual(FITS.map(() => undefined));
});

test('an event outside the map is free', () => {
  expect(found.slice(FITS.length, -MISTAKES.length)).toEqual(UNDECLARED.map(() => undefined));
});

test('a mismatch is an error that names the property', () => {
  expect(found.slice(-MISTAKES.length)).toEqual(MISTAKES.map(([, said]) => expect.stringContaining(said)));
});
