/** Every error code stands in the documentation, and JavaScript knows those that native code throws. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as Binding from '../binding';
import type * as Codes from '../ts/server/error-codes';
import type * as Refusals from '../ts/server/refusals';
import { Evaluator, stopEvaluators } from './support/evaluator';

afterEach(stopEvaluators);

const { errorCodes }: typeof Binding = require('../binding.js');
const { NATIVE_CODES, JAVASCRIPT_CODES }: typeof Codes = require('../dist/server/error-codes.js');

const [, section = ''] = readFileSync(join(__dirname, '..', 'docs', 'troubleshooting.md'), 'utf8').split(
  '## The codes\n',
);
const rows = [...section.matchAll(/^\| `(ERR_\w+)` \| (\S+)/gm)].map(([, code, answer]) => [code, answer] as const);

test('JavaScript knows every code of native code and no other', () => {
  expect([...NATIVE_CODES].sort()).toEqual(errorCodes().sort());
});

test('the page on troubleshooting lists every code once', () => {
  expect(rows.map(([code]) => code).sort()).toEqual([...NATIVE_CODES, ...JAVASCRIPT_CODES].sort());
});

test('refused clients get the answers that the page lists', async () => {
  const server = await Evaluator.start();
  const answers = await server.evaluate(
    ({ require }, codes, path) => {
      const { answerTo }: typeof Refusals = require(path);
      return codes.flatMap((code) => {
        const answer = answerTo(Object.assign(new Error(), { code }));
        return answer ? [[code, String(answer.status)]] : [];
      });
    },
    [...NATIVE_CODES],
    join(__dirname, '..', 'dist', 'server', 'refusals.js'),
  );
  const listed = rows.filter(([, answer]) => /^\d+$/.test(answer as string));
  expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(listed));
});

test('every code that the sources name is listed', () => {
  const root = join(__dirname, '..');
  const listed = new Set<string>([...NATIVE_CODES, ...JAVASCRIPT_CODES]);
  const files = ['ts', 'src', 'crates'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(root, folder, file)),
  );
  const named = files
    .filter((file) => /\.(?:ts|rs)$/.test(file))
    .flatMap((file) => readFileSync(file, 'utf8').match(/ERR_SSEKIT_\w+/g) ?? []);
  expect(named.length).toBeGreaterThan(listed.size);
  expect(named.filter((code) => !listed.has(code))).toEqual([]);
});
