/**
 * The page list of a kimage: what relocate_kernel copies or swaps.
 * Source: include/linux/kexec.h (IND_*), kernel/kexec_core.c (kimage_add_entry), arch/x86/kernel/relocate_kernel_32.S
 * (swap_pages).
 */
import { brokenPageList, hex } from './errors.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';

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

/** A word of the list: where it is, and what it says: an address and its flag. */
export interface PageListEntry {
  address: number;
  value: number;
}

/** A decoded page list. All addresses are physical; those of pages are page aligned. */
export interface PageList {
  /** All words in the order they are read, from the second on: the first is the head. */
  entries: PageListEntry[];
  exchanges: PageExchange[];
  /** The indirection pages, in the order they are walked. */
  indirectionPages: number[];
}

/** More entries than 4 GiB of pages can need. */
const MOST_ENTRIES = 2 * (0x1_0000_0000 / PAGE_SIZE);

/** A word of the list that swap_pages cannot make sense of. */
export interface BrokenEntry {
  /** Physical address of the word; 0 for the head, which is not in memory. */
  address: number;
  value: number;
  /** What is wrong with it, as the end of a sentence whose subject is the entry. */
  why: string;
}

/** Walks a page list as swap_pages does, up to its end or to a word that makes no sense. */
export function walkPageList(memory: PhysicalMemory, head: number): { list: PageList; broken?: BrokenEntry } {
  const list: PageList = { entries: [], exchanges: [], indirectionPages: [] };
  const walked = new Set<number>();
  let entry = head;
  let address = 0;
  let cursor = 0;
  let destination: number | undefined;
  let words: Buffer | undefined;
  const broken = (why: string): { list: PageList; broken: BrokenEntry } => ({
    list,
    broken: { address, value: entry, why },
  });
  while (list.entries.length < MOST_ENTRIES) {
    const page = (entry & ~0xfff) >>> 0;
    if (entry & IND_DESTINATION) {
      destination = page;
    } else if (entry & IND_INDIRECTION) {
      // Where the walk goes depends on nothing but where it is: from here on it would all come again.
      if (walked.has(page)) return broken('leads back into a list that never ends');
      walked.add(page);
      list.indirectionPages.push(page);
      cursor = page;
    } else if (entry & IND_DONE) {
      return { list };
    } else if (entry & IND_SOURCE) {
      if (destination === undefined) return broken('is a source without a destination');
      list.exchanges.push({ destination, source: page, entryAddress: address });
      destination += PAGE_SIZE;
    } else {
      return broken('has none of the flags destination, indirection, done, source');
    }
    if (cursor === 0) return broken('is a head that leads to no indirection page');
    // A page at a time: a word each would be thousands of reads.
    if (words === undefined || cursor % PAGE_SIZE === 0) words = memory.read(cursor, PAGE_SIZE);
    if (words === undefined) return broken(`is followed by physical ${hex(cursor)}, which cannot be read`);
    address = cursor;
    entry = words.readUInt32LE(cursor % PAGE_SIZE);
    list.entries.push({ address, value: entry });
    cursor += 4;
  }
  return broken('is one of more entries than 4 GiB of pages can need');
}

/**
 * The whole of a page list.
 * @param head the kimage's head (control page + 0x81c): an entry itself, usually an indirection page or IND_DONE.
 * @throws MemoryError when an entry cannot be read, has no known flag, or the list does not end.
 */
export function decodePageList(memory: PhysicalMemory, head: number): PageList {
  const { list, broken } = walkPageList(memory, head);
  if (broken) throw brokenPageList(broken.address, broken.value, broken.why);
  return list;
}
