/** What a segment is that kexec loaded, by its content. */
import type { PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { KexecSegment } from './kernel.ts';

export type SegmentKind =
  'kernel' | 'RAM disk' | 'boot parameters' | 'purgatory' | 'ELF core header' | 'memory without content' | 'data';

/** Offset of the magic in struct boot_params. Source: Documentation/x86/boot.rst, The Real-Mode Kernel Header. */
const BOOT_PARAMETERS_MAGIC = 0x202;

/** First bytes of what the kernel takes for a RAM disk. Source: lib/decompress.c, init/initramfs.c. */
const RAM_DISK_MAGICS = [
  '1f8b',
  'fd377a585a00',
  '28b52ffd',
  '425a68',
  '5d0000',
  '894c5a4f',
  '02214c18',
  '303730373031',
];

/** A bzImage's code for protected mode begins with `cld`, and `cli` soon. Source: arch/x86/boot/compressed/head_32.S. */
const KERNEL_BEGINS = 0xfc;
const LARGEST_OTHER = 1 << 20;

const ELF = '7f454c46';

/**
 * @param memory in which the segment is where it is meant to be.
 * @param start physical address at which the kimage is entered.
 */
export function segmentKind(
  memory: PhysicalMemory,
  { address, size, loaded }: Pick<KexecSegment, 'address' | 'size' | 'loaded'>,
  start: number,
): SegmentKind {
  if (start >= address && start < address + size) return 'purgatory';
  if (loaded === 0) return 'memory without content';
  const magic = memory.read(address + BOOT_PARAMETERS_MAGIC, 4)?.toString('latin1');
  if (magic === 'HdrS') return 'boot parameters';
  const begin = memory.read(address, 6);
  const text = begin?.toString('hex') ?? '';
  if (text.startsWith(ELF)) return 'ELF core header';
  if (RAM_DISK_MAGICS.some((bytes) => text.startsWith(bytes))) return 'RAM disk';
  return begin?.[0] === KERNEL_BEGINS && loaded > LARGEST_OTHER ? 'kernel' : 'data';
}
