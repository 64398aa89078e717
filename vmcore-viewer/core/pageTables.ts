/**
 * Two-level page tables of i386 without PAE.
 * Source: Intel SDM volume 3, section 4.3 (32-bit paging).
 */
import { readByPages, readWord, type PhysicalMemory } from './physicalMemory.ts';

const PRESENT = 0x01;
const LARGE_PAGE = 0x80;

/**
 * Translates a virtual address.
 * @param cr3 physical address of the page directory (low bits are ignored).
 * @returns the physical address, or `undefined` when it is not mapped or a table is not there.
 */
export function translate(memory: PhysicalMemory, cr3: number, address: number): number | undefined {
  const directory = (cr3 & ~0xfff) >>> 0;
  const directoryEntry = readWord(memory, directory + (address >>> 22) * 4);
  if (directoryEntry === undefined || !(directoryEntry & PRESENT)) return undefined;
  if (directoryEntry & LARGE_PAGE) {
    // PSE-36: bits 13-20 of the entry are bits 32-39 of the page; without PAE the kernel maps nothing there.
    return ((directoryEntry & 0xffc00000) | (address & 0x3fffff)) >>> 0;
  }
  const tableEntry = readWord(memory, ((directoryEntry & ~0xfff) >>> 0) + ((address >>> 12) & 0x3ff) * 4);
  if (tableEntry === undefined || !(tableEntry & PRESENT)) return undefined;
  return ((tableEntry & ~0xfff) | (address & 0xfff)) >>> 0;
}

/** Reads bytes at a virtual address, or `undefined` when any of them is not mapped or not there. */
export function readVirtual(memory: PhysicalMemory, cr3: number, address: number, length: number): Buffer | undefined {
  return readByPages(address, length, (part, size) => {
    const physical = translate(memory, cr3, part);
    return physical === undefined ? undefined : memory.read(physical, size);
  });
}
