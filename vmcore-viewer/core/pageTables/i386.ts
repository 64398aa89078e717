/**
 * Page tables of i386: two levels, or three with PAE (4 entries, then twice 512). Virtual addresses have 32 bits, physical ones 32,
 * or 52 with PAE. Source: Intel SDM volume 3, sections 4.3 (32-bit paging) and 4.4 (PAE paging).
 */
import type { PhysicalMemory } from '../physicalMemory.ts';
import { readRuns, type PhysicalRun } from '../physicalRuns.ts';
import { physicalRuns as walk, translate as explain, type PagingMode, type Translation } from './walk.ts';

/** Source: Intel SDM volume 3, section 2.5. */
export const CR4_PAE = 0x20;

/** The control registers that say where page tables are, and how many levels they have. */
export interface PagingRegisters {
  /** Physical address of the first table; low bits are ignored. */
  cr3: number;
  cr4: number;
}

interface Paging {
  mode: PagingMode;
  /** Bits of CR3 that are of the address. */
  rootBits: number;
}

const TWO_LEVELS: Paging = {
  mode: {
    entrySize: 4,
    levels: [
      { shift: 22, mayBeLarge: true },
      { shift: 12, mayBeLarge: false },
    ],
    highAddressBits: 0,
  },
  rootBits: ~0xfff,
};
const PAE: Paging = {
  mode: {
    entrySize: 8,
    levels: [
      { shift: 30, mayBeLarge: false },
      { shift: 21, mayBeLarge: true },
      { shift: 12, mayBeLarge: false },
    ],
    highAddressBits: 0xfffff,
  },
  rootBits: ~0x1f,
};

const pagingOf = ({ cr4 }: PagingRegisters): Paging => (cr4 & CR4_PAE ? PAE : TWO_LEVELS);

/** Physical address of the table of the first level. */
export function rootOf(registers: PagingRegisters): number {
  return (registers.cr3 & pagingOf(registers).rootBits) >>> 0;
}

/** Where virtual memory lies, in as few pieces as there are, or `undefined` when any of it is not mapped. */
export function physicalRuns(
  memory: PhysicalMemory,
  registers: PagingRegisters,
  address: number,
  length: number,
): PhysicalRun[] | undefined {
  return walk(memory, pagingOf(registers).mode, rootOf(registers), address, length);
}

/** Reads bytes at a virtual address, or `undefined` when any of them is not mapped or not there. */
export function readVirtual(
  memory: PhysicalMemory,
  registers: PagingRegisters,
  address: number,
  length: number,
  scratch?: Buffer,
): Buffer | undefined {
  const runs = physicalRuns(memory, registers, address, length);
  return runs && readRuns(memory, runs, scratch);
}

/** Where one address leads, step by step; `undefined` when it is not mapped. */
export function translate(
  memory: PhysicalMemory,
  registers: PagingRegisters,
  address: number,
): Translation | undefined {
  return explain(memory, pagingOf(registers).mode, rootOf(registers), address);
}
