/** The folder of a Next.js app, as far as `ssekit` looks at it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type CliResult, runCli } from './cli';

export interface AppShape {
  base?: '' | 'src/';
  language?: 'ts' | 'js';
  next?: string;
  lock?: string;
  dependencies?: Record<string, string>;
}

const folders: string[] = [];

/** Call it in `afterAll`. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export class AppFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'ssekit-cli-app-'));

  /** The files of create-next-app, except its installed packages. */
  constructor({ base = '', language = 'ts', next = '16.4.6', lock, dependencies }: AppShape = {}) {
    folders.push(this.path);
    const config = { compilerOptions: { strict: true, paths: { '@/*': [`./${base}*`] } } };
    this.write({
      'package.json': JSON.stringify({ dependencies: { next, react: '^19.3.0', ssekit: '0.1.0', ...dependencies } }),
      [`${base}app/layout.${language}${language === 'ts' ? 'x' : ''}`]: '',
      [`${language}config.json`]: JSON.stringify(config, null, 2),
      ...(lock && { [lock]: '' }),
    });
  }

  write(files: Record<string, string>): this {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.path, path)), { recursive: true });
      writeFileSync(join(this.path, path), text);
    }
    return this;
  }

  read(path: string): string {
    return readFileSync(join(this.path, path), 'utf8');
  }

  /** Every file with what is in it. */
  files(): Record<string, string> {
    const entries = readdirSync(this.path, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
    const paths = entries.map((entry) => relative(this.path, join(entry.parentPath ?? entry.path, entry.name)));
    return Object.fromEntries(paths.sort().map((path) => [path.replaceAll('\\', '/'), this.read(path)]));
  }

  init(...options: string[]): Promise<CliResult> {
    return runCli(['init', ...options], { cwd: this.path });
  }
}
