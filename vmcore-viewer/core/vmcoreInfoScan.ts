/**
 * Finding VMCOREINFO where no note tells of it: each kernel keeps the text at the start of a page.
 * Source: kernel/crash_core.c, crash_save_vmcoreinfo_init(): `vmcoreinfo_data` is one zeroed page, and OSRELEASE its first line.
 */
import type { MemoryRange } from './images/memoryImage.ts';
import { memoryPieces, pagesIn, type MemoryPiece } from './memoryPieces.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';
import { VmcoreInfo } from './vmcoreInfo.ts';
import { UNWATCHED, type Watch } from './watch.ts';

/** One VMCOREINFO in memory. Release, build id and `_stext` of `info` tell whose it is. */
export interface FoundVmcoreInfo {
  /** Physical address of the page. */
  address: number;
  info: VmcoreInfo;
}

const FIRST_LINE = Buffer.from('OSRELEASE=');
const FIRST_WORD = FIRST_LINE.readUInt32LE(0);
/** A memory in which there are more is not one of a few kernels, but made to exhaust us. */
const MOST_FOUND = 64;

/**
 * The VMCOREINFO texts of a memory, by ascending address, at most 64 of them. Where two kernels are the same build at the same virtual
 * address, only the page tells them apart: in memory as it is now, a source page of a jump holds the dormant kernel's; seen
 * through the overlay it holds the peer's.
 * @param ranges where to look: `dataRanges()` of an image, whose memory may have far holes in it.
 */
export function findVmcoreInfo(
  memory: PhysicalMemory,
  ranges: Iterable<MemoryRange> = [{ address: 0, length: memory.size }],
  watch: Watch = UNWATCHED,
): FoundVmcoreInfo[] {
  const found: FoundVmcoreInfo[] = [];
  for (const piece of memoryPieces(memory, ranges, watch)) {
    addVmcoreInfo(piece, found);
    if (found.length >= MOST_FOUND) break;
  }
  return found;
}

/** The same of one piece, for whoever looks for more than that in it. @param found is added to, up to 64 of them. */
export function addVmcoreInfo(piece: MemoryPiece, found: FoundVmcoreInfo[]): void {
  const { address, bytes } = piece;
  if (!bytes) return;
  for (const at of pagesIn(piece)) {
    if (at + FIRST_LINE.length > bytes.length || bytes.readUInt32LE(at) !== FIRST_WORD) continue;
    const page = bytes.subarray(at, at + PAGE_SIZE);
    if (!page.subarray(0, FIRST_LINE.length).equals(FIRST_LINE)) continue;
    const info = new VmcoreInfo(page);
    // A format string or a log may begin so too; the page size is written next to it in every kernel.
    if (!info.release || info.pageSize === undefined) continue;
    if (found.length < MOST_FOUND) found.push({ address: address + at, info });
  }
}
