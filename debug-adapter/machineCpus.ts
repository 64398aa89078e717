/** The CPUs that a machine needs for its kernels, told by what is in them: the lab's guests and kernels of the user's alike. */
import type { KernelFile } from '../vmcore-viewer/core/kernelFile.ts';

export interface MachineCpus {
  cpus: number;
  /** QEMU's name of the CPU, where its default has not all that a kernel wants. */
  cpu: string | undefined;
}

/** To QEMU's qemu32 each address beyond 32 bits has reserved bits; with PSE-36 it has 36. Source: QEMU, target/i386/cpu.c. */
const BEYOND_4_GIB = 'qemu32,+pse36';
/** Built with CONFIG_SMP only. Source: kernel/smp.c. */
const OF_SMP = 'smp_call_function_many';
/** On i386 a function with CONFIG_X86_PAE only. Source: arch/x86/mm/pgtable.c. */
const OF_PAE = 'pud_populate';

type Symbols = Pick<KernelFile, 'symbol'>;

/** Whether an i386 kernel has page tables of three levels. */
export const hasPae = (kernel: Symbols): boolean => kernel.symbol(OF_PAE) !== undefined;

/** @param kernels that are booted in the machine. */
export function cpusFor(kernels: readonly Symbols[]): MachineCpus {
  const areSmp = kernels.some((kernel) => kernel.symbol(OF_SMP) !== undefined);
  return { cpus: areSmp ? 2 : 1, cpu: kernels.some(hasPae) ? BEYOND_4_GIB : undefined };
}
