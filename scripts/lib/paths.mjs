/** Where things are in the checkout. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const example = join(root, 'examples', 'next-app');
export const clusterExample = join(root, 'examples', 'cluster');
export const benchmark = join(root, 'bench');
export const benchmarkApp = join(benchmark, 'next-app');

/** Files that the scripts fetch or make for themselves; git-ignored. */
export const cache = join(root, '.cache');
