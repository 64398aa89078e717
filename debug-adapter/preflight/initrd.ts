/** What an initial RAM disk has for a jump: its size when it is unpacked, and which kexec is in it. */
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { fileUnreadable } from '../../qemu-runner/errors.ts';
import type { InitrdFacts } from './facts.ts';

const GZIP = '1f8b';
const NEWC = Buffer.from('070701');
/** More than this is no initial RAM disk of a guest of ours; it keeps a hostile file from filling memory. */
const LARGEST = 1 << 30;

/** Texts of the kexec program. Sources: kexec/kexec.c (version), and the second and tenth patch of the series. */
const ANY_KEXEC = 'kexec-tools 2.';
const PATCHED_KEXEC = 'is not inside one range of System RAM';

/** Reads an initial RAM disk. @throws UserFacingError `file-unreadable`. */
export async function readInitrd(path: string): Promise<InitrdFacts> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw fileUnreadable('The initrd', path, (error as Error).message);
  }
  const archive = await unpack(bytes);
  return { path, size: bytes.length, unpacked: archive?.length, kexec: archive && kexecIn(archive) };
}

/** The archive, where it is plain or packed by gzip; others are not understood here. */
async function unpack(bytes: Buffer): Promise<Buffer | undefined> {
  if (bytes.subarray(0, NEWC.length).equals(NEWC)) return bytes;
  if (bytes.toString('hex', 0, 2) !== GZIP) return undefined;
  return promisify(gunzip)(bytes, { maxOutputLength: LARGEST }).catch(() => undefined);
}

function kexecIn(archive: Buffer): InitrdFacts['kexec'] {
  if (archive.includes(PATCHED_KEXEC)) return 'patched';
  return archive.includes(ANY_KEXEC) ? 'stock' : undefined;
}
