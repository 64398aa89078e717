/** Whose objects a slab page has. Source: mm/slab.h (struct slab, struct kmem_cache), Linux 5.17 and later. */
import { readKernelWord, type KernelMemory } from './kernelMemory.ts';
import type { PageDescription } from './pageDescription.ts';
import type { StructPages } from './structPage.ts';

/** Names of the fields that are read, each with its structure. */
export const SLAB_FIELDS = ['slab.slab_cache', 'kmem_cache.name'] as const;

/** Where they are, in bytes. */
export type SlabLayout = Readonly<Record<(typeof SLAB_FIELDS)[number], number>>;

const LONGEST_NAME = 64;

/**
 * The name of the cache, as /proc/slabinfo has it; `undefined` for a page of none.
 * @throws MemoryError when the pointers to it lead nowhere.
 */
export function slabCacheOf(
  memory: KernelMemory,
  pages: StructPages,
  page: PageDescription,
  layout: SlabLayout,
): string | undefined {
  // A struct slab lies over the struct page of the first of its pages.
  const slab = page.head === undefined ? page.address : pages.address(page.head);
  if (page.class !== 'slab' || slab === undefined) return undefined;
  const cache = readKernelWord(memory, 'slab_cache', slab + BigInt(layout['slab.slab_cache']));
  const name = readKernelWord(memory, 'kmem_cache.name', cache + BigInt(layout['kmem_cache.name']));
  const text = memory.read(name, LONGEST_NAME)?.toString('latin1').split('\0', 1)[0];
  return text && /^[ -~]+$/.test(text) ? text : undefined;
}
