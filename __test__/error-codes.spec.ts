/** Every error code stands in the documentation, and JavaScript knows those that native code throws. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as Binding from '../binding';
import type * as Codes from '../ts/server/error-codes';
import type * as Refusals from '../ts/server/refusals';

const { errorCodes }: typeof Binding = require('../binding.js');
const { NATIVE_CODES, JAVASCRIPT_CODES, withCode }: typeof Codes = require('../dist/server/error-codes.js');
const { answerTo }: typeof Refusals = require('../dist/server/refusals.js');

const [, section = ''] = readFileSync(join(__dirname, '..', 'docs', 'troubleshooting.md'), 'utf8').split(
  '## The codes\n',
);
const rows = [...section.matchAll(/^\| `(ERR_\w+)` \| (\S+)/gm)].map(([, code, answer]) => [code, answer] as const);

// Refusals are explained to developers, on stderr.
const { NODE_ENV } = process.env;
beforeAll(() => {
  process.env.NODE_ENV = 'production';
});
afterAll(() => {
  process.env.NODE_ENV = NODE_ENV;
});

test('JavaScript knows every code of native code and no other', () => {
  expect([...NATIVE_CODES].sort()).toEqual(errorCodes().sort());
});

test('the page on troubleshooting lists every code once', () => {
  expect(rows.map(([code]) => code).sort()).toEqual([...NATIVE_CODES, ...JAVASCRIPT_CODES].sort());
});

test('refused clients get the answers that the page lists', () => {
  const listed = rows.filter(([, answer]) => /^\d+$/.test(answer as string));
  const answers = NATIVE_CODES.flatMap((code) => {
    const answer = answerTo(withCode(new Error(), code));
    return answer ? [[code, String(answer.status)]] : [];
  });
  expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(listed));
});
