/**
 * The struct pages of a FLATMEM kernel: one array.
 * Source: mm/page_alloc.c (alloc_node_mem_map), makedumpfile.c (get_mm_flatmem).
 */
import { kernelVariableUnusable } from './errors.ts';
import { readKernelWord, type KernelMemory } from './kernelMemory.ts';
import type { MemoryMap } from './memoryMap.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

/** The run of all page frames. @throws MemoryError when keys are missing or the kernel's variables make no sense. */
export function findFlatMap(kernel: KernelMemory, info: VmcoreInfo): MemoryMap {
  info.expect(
    [
      ...['SYMBOL(mem_map)', 'SYMBOL(contig_page_data)'],
      ...['OFFSET(pglist_data.node_start_pfn)', 'OFFSET(pglist_data.node_spanned_pages)'],
    ],
    'finding the struct pages',
  );
  const node = info.symbol('contig_page_data')!;
  const field = (name: string): [value: number, address: bigint] => {
    const address = node + BigInt(info.offset(`pglist_data.${name}`)!);
    return [Number(readKernelWord(kernel, name, address)), address];
  };
  const [start] = field('node_start_pfn');
  const [spanned, spannedAt] = field('node_spanned_pages');
  const endPfn = start + spanned;
  if (endPfn > kernel.pfnLimit) {
    throw kernelVariableUnusable('node_spanned_pages', spannedAt, `there cannot be ${endPfn} pages`);
  }
  // The array begins where the largest free block that holds the node's first page would.
  const firstPfn = start - (start % (1 << (info.arrayLength('zone.free_area')! - 1)));
  const map = readKernelWord(kernel, 'mem_map', info.symbol('mem_map')!);
  return { firstPfn, endPfn, address: map + BigInt(firstPfn * info.size('page')!) };
}
