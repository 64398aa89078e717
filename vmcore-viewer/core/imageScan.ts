/** What all of a memory has to be looked through for, in one pass: to decompress it again takes seconds for each GB. */
import { findEntries } from './imageJump.ts';
import type { MemoryRange } from './images/memoryImage.ts';
import { memoryPieces } from './memoryPieces.ts';
import type { PhysicalMemory } from './physicalMemory.ts';
import { addVmcoreInfo, type FoundVmcoreInfo } from './vmcoreInfoScan.ts';
import type { Watch } from './watch.ts';

export interface ImageScan {
  /** Re-entry points of all control pages that kernels have left by. */
  entries: readonly number[];
  /** By ascending address, as memory is. */
  vmcoreInfo: readonly FoundVmcoreInfo[];
}

/** @param ranges what there is of the memory, by ascending address. */
export function scanImage(memory: PhysicalMemory, ranges: Iterable<MemoryRange>, watch: Watch): ImageScan {
  const entries: number[] = [];
  const vmcoreInfo: FoundVmcoreInfo[] = [];
  for (const piece of memoryPieces(memory, ranges, watch)) {
    entries.push(...findEntries(memory, piece));
    addVmcoreInfo(piece, vmcoreInfo);
  }
  return { entries, vmcoreInfo };
}
