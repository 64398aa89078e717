/** The files that a machine boots from: checked, and put together so that kernel A finds kernel B's. */
import { readFileSync, writeFileSync } from 'node:fs';
import { newcArchive } from './guest/cpio.ts';
import { fileUnreadable } from './errors.ts';

/** What kernel A loads kernel B from. Paths of files, and B's command line. */
export interface KernelBFiles {
  image: string;
  initrd: string;
  append: string;
}

/**
 * Writes kernel A's initial RAM disk: its own archive, and behind it a second one with kernel B under /boot.
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst (archives may be concatenated, 4-byte aligned).
 * @throws UserFacingError `file-unreadable`.
 */
export function writeInitrdOfA(path: string, initrdOfA: string, kernelB: KernelBFiles): void {
  const own = readRequired('The initrd of kernel A', initrdOfA);
  const boot = newcArchive([
    { name: 'boot/kernel', mode: 0o100644, data: readRequired('The image of kernel B', kernelB.image) },
    { name: 'boot/initrd', mode: 0o100644, data: readRequired('The initrd of kernel B', kernelB.initrd) },
    { name: 'boot/append', mode: 0o100644, data: Buffer.from(kernelB.append + '\n') },
  ]);
  writeFileSync(path, Buffer.concat([own, Buffer.alloc(-own.length & 3), boot]));
}

function readRequired(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileUnreadable(what, path, (error as Error).message);
  }
}
