/**
 * The page list of a kimage: what relocate_kernel copies or swaps.
 * Source: include/linux/kexec.h (IND_*), kernel/kexec_core.c (kimage_add_entry), arch/x86/kernel/relocate_kernel_32.S
 * (swap_pages).
 */
import { brokenPageList } from './errors.ts';
import { PAGE_SIZE, readWord, type PhysicalMemory } from './physicalMemory.ts';

/** Flags in the low bits of a page list entry. The rest of the entry is a physical page address. */
export const IND_DESTINATION = 1;
export const IND_INDIRECTION = 2;
export const IND_DONE = 4;
export const IND_SOURCE = 8;

/** One page that the jump exchanges: physical addresses of the two pages and of the entry that names the source. */
export interface PageExchange {
  destination: number;
  source: number;
  entryAddress: number;
}

/** A decoded page list. All addresses are physical and page aligned, but `entryAddress`. */
export interface PageList {
  exchanges: PageExchange[];
  /** The indirection pages, in the order they are walked. */
  indirectionPages: number[];
}

/** More entries than 4 GiB of pages can need: a list longer than this is a loop. */
const MOST_ENTRIES = 2 * (0x1_0000_0000 / PAGE_SIZE);

/**
 * Walks a page list as swap_pages does.
 * @param head the kimage's head (control page + 0x81c): an entry itself, usually an indirection page or IND_DONE.
 * @throws MemoryError when an entry cannot be read, has no known flag, or the list does not end.
 */
export function decodePageList(memory: PhysicalMemory, head: number): PageList {
  const list: PageList = { exchanges: [], indirectionPages: [] };
  let entry = head;
  let entryAddress = 0;
  let cursor = 0;
  let destination: number | undefined;
  for (let walked = 0; walked < MOST_ENTRIES; walked++) {
    const page = (entry & ~0xfff) >>> 0;
    if (entry & IND_DESTINATION) {
      destination = page;
    } else if (entry & IND_INDIRECTION) {
      list.indirectionPages.push(page);
      cursor = page;
    } else if (entry & IND_DONE) {
      return list;
    } else if (entry & IND_SOURCE) {
      if (destination === undefined) throw brokenPageList(entryAddress, entry, 'is a source without a destination');
      list.exchanges.push({ destination, source: page, entryAddress });
      destination += PAGE_SIZE;
    } else {
      throw brokenPageList(entryAddress, entry, 'has none of the flags destination, indirection, done, source');
    }
    if (cursor === 0) throw brokenPageList(entryAddress, entry, 'is a head that leads to no indirection page');
    entryAddress = cursor;
    const next = readWord(memory, cursor);
    if (next === undefined) throw brokenPageList(entryAddress, entry, 'is followed by memory that cannot be read');
    entry = next;
    cursor += 4;
  }
  throw brokenPageList(entryAddress, entry, 'is one of a list that never ends');
}
