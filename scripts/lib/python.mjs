/** A Python of the checkout's own, with the Python clients that the tests let read our streams. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache, root } from './paths.mjs';
import { run } from './run.mjs';
import { installOnce } from './stamps.mjs';
import { ensureTools } from './system-tools.mjs';

/** Makes the virtual environment, unless it is there with the packages of `requirements.txt`; returns its interpreter. */
export async function ensurePython() {
  const home = join(cache, 'python');
  const interpreter = process.platform === 'win32' ? join(home, 'Scripts', 'python.exe') : join(home, 'bin', 'python');
  const requirements = join(root, '__test__', 'clients', 'requirements.txt');

  const { python } = await ensureTools('python');
  // An environment refers to the interpreter it was made with, and is of no use with another.
  const version = await run(python, ['-VV'], { stdout: 'capture' });
  await installOnce(join(home, '.ssekit-stamp'), [readFileSync(requirements, 'utf8'), python, version], async () => {
    console.log('Installing the Python clients');
    await run(python, ['-m', 'venv', '--clear', home]);
    await run(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  });
  return interpreter;
}
