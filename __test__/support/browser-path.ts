/** Where a browser is. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * `npm test` tells, by a variable such as `CHROMIUM_PATH`; otherwise it is found the same way. `webkit`: the program that drives it. `xvfb`:
 * the display of a browser that needs one.
 */
export function browserPath(name: 'chromium' | 'firefox' | 'webkit' | 'xvfb'): string {
  const told = process.env[`${name.toUpperCase()}_PATH`];
  if (told) return told;
  const find = `
    import { ensureTools } from './scripts/lib/system-tools.mjs';
    console.log('\\n' + (await ensureTools('${name}')).${name});`;
  const options = { cwd: join(__dirname, '..', '..'), encoding: 'utf8' as const };
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', find], options);
  return output.trim().split('\n').at(-1) as string;
}
