/** The files that a machine boots from: checked, and put together so that kernel A finds kernel B's. */
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { newcArchive } from './guest/cpio.ts';
import { fileUnreadable, imageIsNoKernel } from './errors.ts';

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

/** Offsets in a bzImage. Source: Documentation/x86/boot.rst, "The Real-Mode Kernel Header". */
const HEADER_MAGIC = 0x202;
const KERNEL_VERSION = 0x20e;

/**
 * The version text of a bzImage: release, builder and build number with date ("6.1.1 (me@host) #1 Mon …").
 * @throws UserFacingError `file-unreadable` or `image-no-kernel`.
 */
export function imageVersion(path: string): string {
  const head = Buffer.alloc(0x10200);
  let length: number;
  try {
    const descriptor = openSync(path, 'r');
    try {
      length = readSync(descriptor, head, 0, head.length, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fileUnreadable('The kernel image', path, (error as Error).message);
  }
  if (length < 0x210 || head.toString('latin1', HEADER_MAGIC, HEADER_MAGIC + 4) !== 'HdrS') throw imageIsNoKernel(path);
  const start = head.readUInt16LE(KERNEL_VERSION) + 0x200;
  return head.toString('latin1', start, start + 256).split('\0')[0] ?? '';
}

/**
 * Whether a bzImage and a vmlinux come from the same build, by release and by build number with date.
 * @param banner linux_banner of the vmlinux.
 */
export function isSameBuild(version: string, banner: string): boolean {
  const release = version.split(' ')[0] ?? '';
  const build = /#\d.*$/.exec(version)?.[0] ?? '';
  return banner.startsWith(`Linux version ${release} `) && banner.trimEnd().endsWith(build.trimEnd());
}

function readRequired(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileUnreadable(what, path, (error as Error).message);
  }
}
