/**
 * Where a kernel keeps its struct pages: one array for all page frames (FLATMEM), or one for each section of memory
 * (SPARSEMEM). Source: include/asm-generic/memory_model.h.
 */
import { vmcoreInfoWrong } from './errors.ts';
import { findFlatMap } from './flatMem.ts';
import type { KernelMemory } from './kernelMemory.ts';
import { findSectionMaps } from './sparseMem.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

/** A run of page frames whose struct pages lie one behind the other. */
export interface MemoryMap {
  firstPfn: number;
  /** The first pfn behind the run. */
  endPfn: number;
  /** Virtual address of the struct page of `firstPfn`. */
  address: bigint;
}

/** Free blocks of 2 ** 19 pages are 2 GiB; the kernel's own limit is below it. */
const LARGEST_ORDERS = 20;

/** All struct pages of a kernel, by ascending pfn. @throws MemoryError when the kernel does not tell where they are. */
export function findMemoryMaps(kernel: KernelMemory, info: VmcoreInfo): MemoryMap[] {
  info.expect(['SIZE(page)', 'LENGTH(zone.free_area)'], 'finding the struct pages');
  const orders = info.arrayLength('zone.free_area')!;
  if (orders < 1 || orders > LARGEST_ORDERS) {
    throw vmcoreInfoWrong('LENGTH(zone.free_area)', orders, `it is not between 1 and ${LARGEST_ORDERS}`);
  }
  return info.symbol('mem_section') === undefined ? [findFlatMap(kernel, info)] : findSectionMaps(kernel, info);
}
