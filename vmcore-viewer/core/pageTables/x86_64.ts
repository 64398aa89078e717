/**
 * Page tables of x86_64, with four levels or five.
 * Source: Intel SDM volume 3, section 4.5 (4-level and 5-level paging); Documentation/x86/x86_64/mm.rst.
 */
import type { PhysicalMemory } from '../physicalMemory.ts';
import { readRuns, type PhysicalRun } from '../physicalRuns.ts';
import { physicalRuns, translate, type PagingMode, type Translation } from './walk.ts';

const FOUR_LEVELS = [
  { shift: 39, mayBeLarge: false },
  { shift: 30, mayBeLarge: true },
  { shift: 21, mayBeLarge: true },
  { shift: 12, mayBeLarge: false },
] as const;
const ENTRIES = 512;
const ENTRY_SIZE = 8;
const PRESENT = 0x01;
/** Bits of a physical address that are in the high half of an entry. */
const HIGH_ADDRESS_BITS = 0xfffff;
const ADDRESSES_END = 1n << 64n;
/** Bits of an address that four levels translate. Numbers hold them, but not the 57 of five levels. */
const FOUR_LEVEL_BITS = 48;
const FIVE_LEVEL_BITS = 57;
/** Of the first level, behind the guard hole: the direct mapping begins here, or a multiple of 1 GiB further on. */
const FIRST_DIRECT_ENTRY = 272;
const MEBIBYTE = 1 << 20;

/** The tables that one root, `init_top_pgt`, leads to. Virtual addresses are as the CPU has them, in 64 bits. */
export class PageTablesX8664 {
  private readonly mode: PagingMode;
  /** The kernel has the upper half of this many bits. */
  private readonly addressBits: bigint;

  /**
   * @param root physical address of the table of the first level.
   * @param hasFiveLevels NUMBER(pgtable_l5_enabled).
   * @param smeMask the physical address bit that says "encrypted", or 0: NUMBER(sme_mask).
   */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly root: number,
    private readonly hasFiveLevels: boolean,
    smeMask: number,
  ) {
    const highAddressBits = HIGH_ADDRESS_BITS & ~Math.floor(smeMask / 2 ** 32);
    this.addressBits = BigInt(hasFiveLevels ? FIVE_LEVEL_BITS : FOUR_LEVEL_BITS);
    this.mode = { entrySize: ENTRY_SIZE, levels: FOUR_LEVELS, highAddressBits };
  }

  /** Reads bytes of the kernel's half, or `undefined` when any of them is not mapped or not there. */
  read(address: bigint, length: number, scratch?: Buffer): Buffer | undefined {
    const runs = this.runs(address, length);
    return runs && readRuns(this.memory, runs, scratch);
  }

  /**
   * Virtual address at which physical 0 is mapped, which randomisation moves by whole 1 GiB: what is mapped first at or
   * behind where the direct mapping may begin. Source: arch/x86/mm/kaslr.c, kernel_randomize_memory(): page_offset_base.
   */
  findPageOffset(): bigint | undefined {
    const shifts = this.hasFiveLevels ? [48, 39, 30] : [39, 30];
    let base = ADDRESSES_END - (1n << this.addressBits);
    let table = this.root;
    for (const [level, shift] of shifts.entries()) {
      let index = level === 0 ? FIRST_DIRECT_ENTRY : 0;
      let next: number | undefined;
      for (; index < ENTRIES && next === undefined; index++) next = this.entry(table, index);
      if (next === undefined) return undefined;
      base += BigInt(index - 1) << BigInt(shift);
      table = next;
    }
    // Physical 0 itself need not be mapped; 1 MiB is RAM in every PC.
    return this.runs(base + BigInt(MEBIBYTE), 1)?.[0]?.address === MEBIBYTE ? base : undefined;
  }

  /** Where one address leads, by four levels, step by step; `undefined` when it is not mapped. */
  translate(address: bigint): Translation | undefined {
    const found = this.fourLevelsOf(address);
    return found && translate(this.memory, this.mode, found.root, found.low);
  }

  private runs(address: bigint, length: number): PhysicalRun[] | undefined {
    const found = this.fourLevelsOf(address);
    if (!found || found.low + length > 2 ** FOUR_LEVEL_BITS) return undefined;
    return physicalRuns(this.memory, this.mode, found.root, found.low, length);
  }

  /** The root of the four levels that translate an address of the kernel's half, and the bits that they translate. */
  private fourLevelsOf(address: bigint): { root: number; low: number } | undefined {
    if (address < ADDRESSES_END - (1n << (this.addressBits - 1n)) || address >= ADDRESSES_END) return undefined;
    const top = Number((address >> BigInt(FOUR_LEVEL_BITS)) % BigInt(ENTRIES));
    const root = this.hasFiveLevels ? this.entry(this.root, top) : this.root;
    return root === undefined ? undefined : { root, low: Number(BigInt.asUintN(FOUR_LEVEL_BITS, address)) };
  }

  /** The physical address in an entry of a table, or `undefined` when it is not present. */
  private entry(table: number, index: number): number | undefined {
    const bytes = this.memory.read(table + index * ENTRY_SIZE, ENTRY_SIZE);
    const low = bytes?.readUInt32LE(0) ?? 0;
    if (!(low & PRESENT)) return undefined;
    return (bytes!.readUInt32LE(4) & this.mode.highAddressBits) * 2 ** 32 + ((low & ~0xfff) >>> 0);
  }
}
