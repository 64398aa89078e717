/**
 * The walk through page tables, which differ only in how many levels they have, in the size of their entries and in
 * where a page may be a large one. Source: Intel SDM volume 3, chapter 4 (paging).
 */
import { hex } from '../errors.ts';
import { PAGE_SIZE, type PhysicalMemory } from '../physicalMemory.ts';
import type { PhysicalRun } from '../physicalRuns.ts';

const PRESENT = 0x01;
/** In the last level of all the same bit is PAT. */
const LARGE_PAGE = 0x80;
const TWO_32 = 2 ** 32;
const MEBIBYTE = 1 << 20;

/** One kind of page tables. */
export interface PagingMode {
  /** Bytes. */
  readonly entrySize: 4 | 8;
  /** From the root on: log2 of the bytes that one entry maps, and whether it may map them as one large page. */
  readonly levels: readonly { readonly shift: number; readonly mayBeLarge: boolean }[];
  /** Which bits of the high half of an entry of 8 bytes are of its address: not NX, not the bit of SME. */
  readonly highAddressBits: number;
}

/**
 * Where virtual memory lies, in as few pieces as there are.
 * @param root physical address of the table of the first level.
 * @param address virtual address from where the root begins to map; with `length` it must not go beyond that.
 * @returns `undefined` when any of it is not mapped or a table is not there.
 */
export function physicalRuns(
  memory: PhysicalMemory,
  mode: PagingMode,
  root: number,
  address: number,
  length: number,
): PhysicalRun[] | undefined {
  const runs: PhysicalRun[] = [];
  const add = (physical: number, size: number): void => {
    const last = runs.at(-1);
    if (last && last.address + last.length === physical) last.length += size;
    else runs.push({ address: physical, length: size });
  };
  /** What one table maps from `start` to `end`, counted from where it begins to map: its entries are read at once. */
  const walk = (level: number, table: number, start: number, end: number): boolean => {
    const { entrySize, levels, highAddressBits } = mode;
    const { shift, mayBeLarge } = levels[level]!;
    const mapped = 2 ** shift;
    const first = Math.floor(start / mapped);
    const count = Math.ceil(end / mapped) - first;
    const entries = memory.read(table + first * entrySize, count * entrySize);
    if (!entries) return false;
    for (let index = 0; index < count; index++) {
      const entry = entries.readUInt32LE(index * entrySize);
      if (!(entry & PRESENT)) return false;
      const high = entrySize === 4 ? 0 : entries.readUInt32LE(index * entrySize + 4) & highAddressBits;
      const from = index === 0 ? start - first * mapped : 0;
      const to = index === count - 1 ? end - (first + index) * mapped : mapped;
      if (level === levels.length - 1 || (mayBeLarge && entry & LARGE_PAGE)) {
        // PSE-36 would be in bits 13-20 of a large page's entry: without PAE the kernel maps nothing above 4 GiB.
        add(high * TWO_32 + ((entry & -mapped) >>> 0) + from, to - from);
      } else if (!walk(level + 1, high * TWO_32 + ((entry & ~0xfff) >>> 0), from, to)) {
        return false;
      }
    }
    return true;
  };
  return walk(0, root, address, address + length) ? runs : undefined;
}

/** Where an address leads, and the entries on the way, a sentence part each. Addresses are physical. */
export interface Translation {
  physical: number;
  steps: string[];
}

/** The same of one address, to be told; `undefined` when it is not mapped or a table is not there. */
export function translate(
  memory: PhysicalMemory,
  mode: PagingMode,
  root: number,
  address: number,
): Translation | undefined {
  const { entrySize, levels, highAddressBits } = mode;
  const steps: string[] = [];
  let table = root;
  for (const [level, { shift, mayBeLarge }] of levels.entries()) {
    const mapped = 2 ** shift;
    const index = Math.floor(address / mapped) % (level === 0 ? Infinity : PAGE_SIZE / entrySize);
    const bytes = memory.read(table + index * entrySize, entrySize);
    if (!bytes) return undefined;
    const low = bytes.readUInt32LE(0);
    const high = entrySize === 4 ? 0 : bytes.readUInt32LE(4) & highAddressBits;
    const value = entrySize === 4 ? low : bytes.readBigUInt64LE(0);
    if (!(low & PRESENT)) return undefined;
    const isLarge = mayBeLarge && (low & LARGE_PAGE) !== 0;
    const isLast = level === levels.length - 1 || isLarge;
    const page = isLarge ? `, a page of ${mapped / MEBIBYTE} MiB` : '';
    steps.push(`Level ${levels.length - level}: entry ${index} of the table at ${hex(table)} is ${hex(value)}${page}`);
    if (isLast) return { physical: high * TWO_32 + ((low & -mapped) >>> 0) + (address % mapped), steps };
    table = high * TWO_32 + ((low & ~0xfff) >>> 0);
  }
  return undefined;
}
