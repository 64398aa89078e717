/** Finds out of a machine that was started by somebody else: which kernel is on the CPU, and where each of them runs. */
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { CR4_PAE, readVirtual, rootOf, type PagingRegisters } from '../../vmcore-viewer/core/pageTables/i386.ts';
import { decodePageList, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE, readWord, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { kernelNotFound } from '../errors.ts';
import { CR0_PG } from '../rsp/liveMemory.ts';
import type { RegisterLayout } from '../rsp/registers.ts';
import { readSavedState, type SavedState } from '../../vmcore-viewer/core/controlPage.ts';
import { DormantKernel } from './dormantKernel.ts';
import {
  bannerAt,
  KERNEL_NAMES,
  KERNEL_PAGE_DIRECTORY,
  kernelSlots,
  type BootKnowledge,
  type Kernel,
  type KernelName,
} from './kernel.ts';
import type { MachineMemory } from './machineMemory.ts';
import type { TrackerMemento } from './memento.ts';

/** The page directory's entry for the fixmap. Source: arch/x86/include/asm/fixmap.h. */
const FIXMAP_ENTRY = 1023;
/** The same with PAE, in the first and the second level. All tables of the kernel itself are below 4 GiB. */
const PAE_FIXMAP_ENTRIES = [3, 511] as const;
/** Source: include/linux/kernel.h, enum system_states. */
const SYSTEM_RUNNING = 3;
const LONGEST_COMMAND_LINE = 2048;

/** A stopped machine. */
export interface Surroundings {
  memory: MachineMemory;
  layout: RegisterLayout;
  registers: Buffer;
  kernels: Readonly<Record<KernelName, Kernel>>;
}

/**
 * What is known of a machine by looking at it.
 * @returns `undefined` for one that has not come so far that a kernel has its page tables.
 * @throws UserFacingError `kernel-not-found` when it runs another kernel than those whose symbols are given.
 */
export async function discover(around: Surroundings): Promise<Omit<TrackerMemento, 'places'> | undefined> {
  const { memory, layout, registers, kernels } = around;
  if ((layout.get(registers, 'cr0') & CR0_PG) === 0) return undefined;
  const paging = { cr3: layout.get(registers, 'cr3'), cr4: layout.get(registers, 'cr4') };
  const candidates = KERNEL_NAMES.map((name) => kernels[name]);
  for (const kernel of candidates) {
    const offset = await memory.settle(() => findByPageTables(memory, kernel, paging));
    if (offset === undefined) continue;
    const entry = await memory.settle(() => jumpBackEntry(memory, kernel, offset, paging));
    // Who was jumped to is kernel B, also where A and B are the same vmlinux.
    const live: KernelName = entry === undefined ? 'A' : 'B';
    const boots: Record<KernelName, BootKnowledge> = { A: {}, B: {} };
    boots[live] = { offset };
    const state = await memory.settle(() => wordAt(memory, paging, kernels[live].linked('system_state') + offset));
    const phase = `${live} ${(state ?? 0) >= SYSTEM_RUNNING ? 'running' : 'starting'}` as const;
    const dormant = new Map<KernelName, DormantKernel>();
    if (entry !== undefined) {
      const found = await memory.settle(() => findDormant(memory, kernels.A, entry));
      if (found) {
        boots.A = found.boot;
        dormant.set('A', new DormantKernel(memory, layout, found.saved, [found.list]));
      }
    }
    return { live, phase, boots, dormant };
  }
  throw kernelNotFound(KERNEL_NAMES.map((name) => kernels[name].file.banner ?? kernels[name].file.path).join('; '));
}

/**
 * The kernel's offset, if page tables are of this kernel: all of its page directories have the fixmap's table in common with
 * the first one, and no other kernel has it.
 */
function findByPageTables(memory: PhysicalMemory, kernel: Kernel, paging: PagingRegisters): number | undefined {
  const tableAt = (entry: number): number => ((readWord(memory, entry) ?? 0) & ~(PAGE_SIZE - 1)) >>> 0;
  const fixmapOf = (root: number): number => {
    if (!(paging.cr4 & CR4_PAE)) return tableAt(root + FIXMAP_ENTRY * 4);
    return tableAt(tableAt(root + PAE_FIXMAP_ENTRIES[0] * 8) + PAE_FIXMAP_ENTRIES[1] * 8);
  };
  const fixmap = fixmapOf(rootOf(paging));
  const own = kernel.linked(KERNEL_PAGE_DIRECTORY) - kernel.linked('_text');
  const slot = kernelSlots(0, memory.size).find(
    (start) => fixmapOf(start + own) === fixmap && bannerAt(memory, kernel.file, start) === kernel.file.banner,
  );
  return slot === undefined ? undefined : slot + kernel.pageOffset - kernel.linked('_text');
}

/** `kexec_jump_back_entry=` of the kernel's command line, which purgatory puts there. */
function jumpBackEntry(
  memory: PhysicalMemory,
  kernel: Kernel,
  offset: number,
  paging: PagingRegisters,
): number | undefined {
  const at = wordAt(memory, paging, kernel.linked('saved_command_line') + offset);
  if (!at) return undefined;
  const line = readString(memory, paging, at);
  const entry = /\bkexec_jump_back_entry=(0x[0-9a-f]+)/.exec(line)?.[1];
  return entry === undefined ? undefined : Number(entry);
}

/** What the control page tells of the kernel that left through it. @param entry its re-entry point. */
export function findDormant(
  memory: PhysicalMemory,
  kernel: Kernel,
  entry: number,
): { boot: BootKnowledge; saved: SavedState; list: PageList } | undefined {
  const physical = entry - (entry % PAGE_SIZE);
  const saved = readSavedState(memory, physical, kernel.controlCode);
  if (!saved) return undefined;
  const list = decodePageList(memory, saved.head);
  const asItLeft = new Overlay(memory, [list]);
  const offset = findByPageTables(asItLeft, kernel, saved);
  if (offset === undefined) return undefined;
  const returnsTo = readVirtual(asItLeft, saved, saved.esp + DormantKernel.RETURN_ADDRESS, 4)?.readUInt32LE(0);
  return {
    boot: {
      offset,
      controlPage: { physical, virtual: physical + kernel.pageOffset },
      resumesAt: returnsTo,
      departedList: list,
    },
    saved,
    list,
  };
}

function wordAt(memory: PhysicalMemory, paging: PagingRegisters, address: number): number | undefined {
  return readVirtual(memory, paging, address, 4)?.readUInt32LE(0);
}

function readString(memory: PhysicalMemory, paging: PagingRegisters, address: number): string {
  for (let length = LONGEST_COMMAND_LINE; length >= 64; length /= 2) {
    const bytes = readVirtual(memory, paging, address, length);
    if (bytes) return bytes.toString('latin1').split('\0')[0] ?? '';
  }
  return '';
}
