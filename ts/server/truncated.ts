/**
 * Detects a binary that is cut short, after an interrupted copy or on a full disk. Linux maps such a file without complaint.
 * The process dies with SIGBUS when it touches the missing part, so nothing would be left to report it.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export class TruncatedBinary extends Error {
  constructor(readonly path: string) {
    super(`${path} is truncated`);
  }
}

/** Throws if a binary that the loader could take is truncated. `beside` is any file in the same folder. */
export function refuseTruncated(beside: string): void {
  if (process.platform !== 'linux') return;
  for (const abi of ['gnu', 'musl']) {
    const name = `linux-${process.arch}-${abi}`;
    const paths = [join(dirname(beside), `ssekit.${name}.node`), packageOf(beside, `ssekit-${name}`)];
    const broken = paths.find((path) => path !== undefined && isTruncated(path));
    if (broken) throw new TruncatedBinary(broken);
  }
}

function packageOf(beside: string, name: string): string | undefined {
  try {
    return createRequire(beside).resolve(name);
  } catch {
    return undefined;
  }
}

/** Unreadable files are left to the loader, which reports the reason. */
function isTruncated(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return false;
  }
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return readSync(file, head, 0, HEAD_BYTES, 0) < HEAD_BYTES || endOf(head) > fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}

/** The size of a 64-bit ELF file's header. */
const HEAD_BYTES = 64;
const ELF_64_LITTLE_ENDIAN = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);

/** The end of the section table, which linkers put last; 0 for other kinds of files. */
function endOf(head: Buffer): number {
  if (!head.subarray(0, ELF_64_LITTLE_ENDIAN.length).equals(ELF_64_LITTLE_ENDIAN)) return 0;
  return Number(head.readBigUInt64LE(0x28)) + head.readUInt16LE(0x3a) * head.readUInt16LE(0x3c);
}
