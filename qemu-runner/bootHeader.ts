/**
 * The header of a bzImage: which build it is, and where it wants to run.
 * Source: Documentation/x86/boot.rst, "The Real-Mode Kernel Header".
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { fileUnreadable, imageIsNoKernel } from './errors.ts';

/** Offsets in the file. */
const AT = {
  setupSectors: 0x1f1,
  magic: 0x202,
  protocol: 0x206,
  version: 0x20e,
  alignment: 0x230,
  relocatable: 0x234,
  preferredAddress: 0x258,
  initSize: 0x260,
} as const;
const SECTOR = 512;
/** Setup sectors of a header that says none. */
const DEFAULT_SETUP_SECTORS = 4;
/** Protocol 2.10 has all of these fields. */
const PROTOCOL_WITH_SIZES = 0x20a;
/** The version text lies in the setup code, which is no longer than this. */
const HEAD_SIZE = 0x10200;

/** Sizes in bytes, addresses physical. */
export interface BootHeader {
  /** Release, builder and build number with date: "6.1.1 (me@host) #1 Mon …". */
  version: string;
  /** Bytes at the beginning of the file that are not loaded in protected mode. */
  setupSize: number;
  /** Where and how the kernel runs; `undefined` before protocol 2.10 (Linux 2.6.31). */
  placement: KernelPlacement | undefined;
}

export interface KernelPlacement {
  /** CONFIG_RELOCATABLE: it may run elsewhere than where it is linked. */
  isRelocatable: boolean;
  /** CONFIG_PHYSICAL_ALIGN. */
  alignment: number;
  /** Where it is linked (CONFIG_PHYSICAL_START, aligned): it never runs below. */
  linkedAt: number;
  /** Memory that it takes from its start on, until it knows the map of its memory. */
  initSize: number;
}

/**
 * Reads the header of a bzImage.
 * @throws UserFacingError `file-unreadable` or `image-no-kernel`.
 */
export function readBootHeader(path: string): BootHeader {
  const head = Buffer.alloc(HEAD_SIZE);
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
  if (length < AT.version + 2 || head.toString('latin1', AT.magic, AT.magic + 4) !== 'HdrS')
    throw imageIsNoKernel(path);
  const text = head.readUInt16LE(AT.version) + SECTOR;
  const hasSizes = length >= AT.initSize + 4 && head.readUInt16LE(AT.protocol) >= PROTOCOL_WITH_SIZES;
  return {
    version: head.toString('latin1', text, text + 256).split('\0')[0] ?? '',
    setupSize: (setupSectorsOf(head) + 1) * SECTOR,
    placement: hasSizes
      ? {
          isRelocatable: head[AT.relocatable] !== 0,
          alignment: head.readUInt32LE(AT.alignment),
          linkedAt: Number(head.readBigUInt64LE(AT.preferredAddress)),
          initSize: head.readUInt32LE(AT.initSize),
        }
      : undefined,
  };
}

function setupSectorsOf(head: Buffer): number {
  const sectors = head.readUInt8(AT.setupSectors);
  return sectors === 0 ? DEFAULT_SETUP_SECTORS : sectors;
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
