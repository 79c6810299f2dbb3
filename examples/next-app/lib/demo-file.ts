import { mkdirSync } from 'node:fs';

/** A file of the demo that survives a restart of the server. Next to ssekit's folder and not in it, because that is ssekit's own. */
export function demoFile(name: string): string {
  const folder = process.env.DEMO_DIR ?? '.demo';
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return `${folder}/${name}`;
}
