import { native } from '../binding.js';
import { resumeSecrets } from './options.js';

let areGiven = false;

/** Gives native code the secrets. Only when they are needed, because a build imports routes in places where the addon is not. */
export function giveSecrets(): void {
  if (areGiven) return;
  const secrets = resumeSecrets();
  if (secrets.length > 0) native().resumeWith(secrets);
  areGiven = true;
}
