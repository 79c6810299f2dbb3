/** Rules that every command of `npx ssekit` follows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { painter, paragraph, printable, visible } from '../ts/cli/output';
import { runCli } from './support/cli';

const { version, bin } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8'));

test('the package has the command', () => {
  const file = readFileSync(join(__dirname, '..', bin.ssekit), 'utf8');
  expect(file.startsWith('#!/usr/bin/env node\n')).toBe(true);
});

test('--version prints the version', async () => {
  expect(await runCli(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
});

test.each([['--help'], ['help'], ['-h']])('%s names every command', async (option) => {
  const { exitCode, stdout, stderr } = await runCli([option]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  for (const command of ['init', 'doctor', 'tail', 'send']) expect(stdout).toContain(`\n  ${command} `);
});

test.each(['init', 'doctor', 'tail', 'send'])('%s --help prints its usage and nothing else', async (command) => {
  const { exitCode, stdout, stderr } = await runCli([command, '--help']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toContain(`Usage: ssekit ${command}`);
});

test.each([
  [[], 'Usage: ssekit'],
  [['frobnicate'], 'unknown command "frobnicate"'],
  [['constructor'], 'unknown command "constructor"'],
  [['tail'], 'URL: got none, wants the URL of a stream'],
  [['tail', 'a', 'b'], 'URL: got 2 (a b), wants one'],
  [['tail', 'ftp://localhost/'], 'URL: got ftp://localhost/, wants one with http or https'],
  [
    ['tail', 'localhost', '--colour'],
    '--colour: no such option; known are --channel, --header, --last-event-id, --all, --json',
  ],
  [['tail', 'localhost', '--header', 's3cret'], "--header: got text of another form, wants 'Name: value' in one line"],
  [['tail', 'localhost', '--header', 'a: b\r\nc: d'], '--header: got text of another form'],
  [['tail', 'ftp://ada:s3cret@a/?ticket=s3cret&b=c'], 'URL: got ftp://…@a/?ticket=…&b=c, wants one with http or https'],
  [['tail', 'a', 'http://ada:s3cret@b/'], 'URL: got 2 (a http://…@b/), wants one'],
  [['tail', 'localhost', '--json=s3cret'], '--json: got a value, wants none'],
  [['build', 'now'], 'arguments: got "now", wants none'],
  [['build', '--fast'], '--fast: no such option; there are none'],
  [['doctor'], 'There is no app in this folder'],
  [['doctor', 'localhost', '--wait', 'long'], '--wait: got "long", wants seconds, at most 86,400'],
  [['init', '/nowhere'], 'There is no package.json in /nowhere'],
])('wrong usage %j exits with 2 and says why', async (args, message) => {
  const { exitCode, stdout, stderr } = await runCli(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('s3cret');
});

test.each([
  ['a terminal gets colours', true, {}, '\x1b[1mx\x1b[22m'],
  ['a pipe gets no colours', false, {}, 'x'],
  ['NO_COLOR turns colours off', true, { NO_COLOR: '1' }, 'x'],
  ['a dumb terminal gets no colours', true, { TERM: 'dumb' }, 'x'],
])('%s', (_, isTTY, env, printed) => {
  expect(visible(painter({ isTTY }, env)('bold', 'x'))).toBe(printed);
});

test('foreign text cannot control the terminal', () => {
  expect(printable('a\x1b[2J\x07\x9b\u202eb\n\tc😀')).toBe('a\\x1b[2J\\x07\\x9b\\u{202e}b\n\tc😀');
});

test('a paragraph breaks between words', () => {
  expect(paragraph('one two three', '  ', '- ', 10)).toBe('- one two\n  three');
});
