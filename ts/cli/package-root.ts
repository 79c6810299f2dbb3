/** The folder of this package. The bundle, `dist/cli/index.js`, is as deep in it as this file. */
import { join } from 'node:path';

export const PACKAGE_ROOT = join(__dirname, '..', '..');
