/** THIRD-PARTY-LICENSES: the crates in the published binaries, with the licences that must go along with them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './paths.mjs';
import { Failure, run } from './run.mjs';

export const NOTICES = join(root, 'THIRD-PARTY-LICENSES');

const RULE = '='.repeat(80);
const HEAD = `ssekit's binaries contain the crates below. ssekit's own licences are in LICENSE-MIT and LICENSE-APACHE.
Written by \`npm run licenses\`; do not edit.`;

/** Fails unless the file lists exactly the crates of the binaries. It does not look at their licences. */
export async function checkThirdPartyLicenses() {
  const [listed, shipped] = [listedCrates(), await shippedCrates()];
  const problems = [
    ...[...shipped].filter((crate) => !listed.has(crate)).map((crate) => `${crate} is missing`),
    ...[...listed].filter((crate) => !shipped.has(crate)).map((crate) => `${crate} is in no binary`),
  ];
  if (problems.length === 0) return;
  throw new Failure(`THIRD-PARTY-LICENSES is not current: run \`npm run licenses\`\n${problems.join('\n')}`);
}

/** The crates in the binary of any platform, and those that only run while it is compiled. */
export async function shippedCrates() {
  const { targets } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).napi;
  const tree = ['tree', '--locked', '-p', 'ssekit', '--edges', 'normal', '--prefix', 'none'];
  const options = targets.flatMap((target) => ['--target', target]);
  const lines = await run('cargo', [...tree, ...options], { stdout: 'capture' });
  const crates = [...lines.matchAll(/^(\S+) v(\S+)/gm)].filter(([, name]) => !name.startsWith('ssekit'));
  return new Set(crates.map(([, name, version]) => `${name} ${version}`));
}

/** The text of the file: from what cargo-about has found, that of the shipped crates. */
export function noticesOf({ crates, licenses }, shipped) {
  const isShipped = (crate) => shipped.has(nameOf(crate));
  const list = crates
    .filter((each) => isShipped(each.package))
    .map((each) => `- ${nameOf(each.package)}: ${each.license}`);
  const texts = new Map();
  for (const license of licenses) {
    for (const { crate } of license.used_by.filter((use) => isShipped(use.crate))) {
      const text = `${RULE}\n${license.name} (${license.id})\n${RULE}\n\n${textFor(crate, license)}`;
      texts.set(text, [...(texts.get(text) ?? []), nameOf(crate)]);
    }
  }
  const sections = [...texts].map(([text, names]) => `${names.sort().join(', ')}\n${text}`);
  return `${[HEAD, list.join('\n'), ...sections.sort()].join('\n\n')}\n`;
}

function nameOf({ name, version }) {
  return `${name} ${version}`;
}

/** cargo-about overlooks files in lower case. A crate without any file gets the usual text with its authors. */
function textFor(crate, { id, text, source_path: source }) {
  if (source) return text.trim();
  const folder = dirname(crate.manifest_path);
  const file = readdirSync(folder).find((name) => name.toLowerCase() === `license-${id.toLowerCase()}`);
  if (file) return readFileSync(join(folder, file), 'utf8').replaceAll(/^ {4}/gm, '').trim();
  const authors = crate.authors.map((author) => author.replace(/ <.*/, '')).join(', ');
  return text.replace('<year> <copyright holders>', authors || `the authors of ${crate.name}`).trim();
}

function listedCrates() {
  const lines = readFileSync(NOTICES, 'utf8').matchAll(/^- (\S+ [^\s:]+): /gm);
  return new Set([...lines].map(([, crate]) => crate));
}
