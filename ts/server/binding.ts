/**
 * The native addon, one for all copies of this package in a JavaScript environment. A second copy of the addon's file
 * would be a second hub; so whoever comes first leaves its addon where every other copy finds it.
 */
import * as own from '../../binding.js';

type Binding = typeof own;

/** The number is the version of what copies of this package have to agree on. */
const KEY = Symbol.for('ssekit.binding.1');

const shared = globalThis as { [KEY]?: Binding };

shared[KEY] ??= own;

export const binding: Binding = shared[KEY];
