/** A machine that was reset, as it stands there: what tells why. */
import { CR4_PAE, rootOf } from '../../vmcore-viewer/core/pageTables/i386.ts';
import { readWord, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { KERNEL_NAMES, type Kernel, type KernelName } from './kernel.ts';
import type { MachineMemory } from './machineMemory.ts';
import type { CpuState } from './systemRegisters.ts';

export interface ResetScene {
  cpus: readonly CpuState[];
  /** What CR3 of the first CPU points to, as much of it as the first of three levels of page tables is. */
  rootTable: Buffer | undefined;
  startCode: StartCode | undefined;
}

/** The code below 640 KiB by which the live kernel starts its other CPUs, as it is in memory. Addresses are physical. */
export interface StartCode {
  kernel: KernelName;
  at: number;
  /** Where it goes. */
  goesTo: number;
  /** Where the kernel has what it is to go to. */
  wanted: number;
  /** The kernel that has what it goes to, if that is known. */
  owner: KernelName | undefined;
}

/** struct real_mode_header. Source: arch/x86/include/asm/realmode.h. */
const [TRAMPOLINE_START, TRAMPOLINE_HEADER] = [8, 12];
/** What setup_real_mode() has it go to. Source: arch/x86/realmode/init.c. */
const ENTERED = 'startup_32_smp';

/** @returns `undefined` when the live kernel has none, or memory does not say. */
function startCodeOf(
  live: KernelName,
  kernels: Readonly<Record<KernelName, Kernel>>,
  memory: PhysicalMemory,
): StartCode | undefined {
  const kernel = kernels[live];
  const wanted = entryOf(kernel);
  if (wanted === undefined || !kernel.file.symbol('real_mode_header')) return undefined;
  const header = readWord(memory, kernel.address('real_mode_header') - kernel.pageOffset);
  if (header === undefined) return undefined;
  const [at, trampoline] = [TRAMPOLINE_START, TRAMPOLINE_HEADER].map((offset) =>
    readWord(memory, header - kernel.pageOffset + offset),
  );
  const goesTo = trampoline === undefined ? undefined : readWord(memory, trampoline);
  if (at === undefined || goesTo === undefined) return undefined;
  const owner = KERNEL_NAMES.find((name) => entryOf(kernels[name]) === goesTo);
  return { kernel: live, at, goesTo, wanted, owner };
}

/** Physical address at which a kernel's other CPUs enter it; `undefined` of one that does not run or is not known. */
function entryOf(kernel: Kernel): number | undefined {
  if (kernel.boot.offset === undefined || !kernel.file.symbol(ENTERED)) return undefined;
  return kernel.address(ENTERED) - kernel.pageOffset;
}

/** Bytes of the first of three levels of page tables: 4 entries of 8. Source: Intel SDM volume 3, section 4.4.1. */
const ROOT_TABLE_SIZE = 32;

/** Reads it of a machine that stands. */
export async function readScene(
  cpus: readonly CpuState[],
  memory: MachineMemory,
  kernels: Readonly<Record<KernelName, Kernel>>,
  live: KernelName,
): Promise<ResetScene> {
  const [first] = cpus;
  return memory.settle(() => ({
    cpus,
    rootTable: first && memory.read(rootOf({ cr3: first.cr3, cr4: CR4_PAE }), ROOT_TABLE_SIZE),
    startCode: startCodeOf(live, kernels, memory),
  }));
}
