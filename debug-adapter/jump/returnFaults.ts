/** Resets that a kernel A comes to on its way back because of what kernel B has left, each told by the machine as it stands. */
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { CR4_PAE } from '../../vmcore-viewer/core/pageTables/i386.ts';
import { CR0_PG } from '../rsp/liveMemory.ts';
import type { StartCode } from './resetScene.ts';
import type { CpuState } from './systemRegisters.ts';

/**
 * An entry of the first of three levels is present, and has no rights in it. The CPU that takes it for one of two levels marks it as
 * accessed (0x20). Source: Intel SDM volume 3, tables 4-5 and 4-8.
 */
const [PRESENT, RESERVED] = [1, 0x1c6];
const MOST_HIGH_BITS = 0x10;

/** Page tables of three levels, used as ones of two: relocate_kernel of a kernel with PAE has cleared CR4, and not set it again. */
export function pagingWithoutPae({ cr0, cr3, cr4 }: CpuState, rootTable: Buffer | undefined): string | undefined {
  if ((cr0 & CR0_PG) === 0 || (cr4 & CR4_PAE) !== 0 || !rootTable || !hasThreeLevels(rootTable)) return undefined;
  return (
    `Triple fault: paging was switched on with CR4.PAE off (CR4 is ${hex(cr4)}), although CR3 (${hex(cr3)}) has page tables of ` +
    'three levels: the CPU takes them for ones of two, and can fetch neither the next instruction nor a handler'
  );
}

/** Whether entries are those of PAE: at least one is there, and what is not is 0. */
function hasThreeLevels(rootTable: Buffer): boolean {
  const entries = Array.from({ length: rootTable.length / 8 }, (_, index) => ({
    low: rootTable.readUInt32LE(8 * index),
    high: rootTable.readUInt32LE(8 * index + 4),
  }));
  const isEmpty = ({ low, high }: { low: number; high: number }): boolean => low === 0 && high === 0;
  const there = entries.filter((entry) => !isEmpty(entry));
  return (
    there.length > 0 &&
    there.every(({ low, high }) => (low & PRESENT) !== 0 && (low & RESERVED) === 0 && high < MOST_HIGH_BITS)
  );
}

/** Another CPU was started by code that another kernel has put in the place of the live one's. */
export function startedByOther(code: StartCode, cpus: readonly CpuState[]): string | undefined {
  const { kernel, at, goesTo, wanted, owner } = code;
  if (goesTo === wanted) return undefined;
  const names = cpus.map(({ number }) => number).join(', ');
  const whose = owner ? `kernel ${owner}` : 'another kernel';
  return (
    `The machine was reset: CPU ${names} of kernel ${kernel} was started at ${hex(at)}, where ${whose} has put its own code over ` +
    `kernel ${kernel}'s: it goes on at ${hex(goesTo)}, where ${whose} was, and not at ${hex(wanted)}`
  );
}
