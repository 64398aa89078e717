/** Rules of how both kernels are built. */
import type { Facts } from '../facts.ts';
import type { OptionName } from '../kernelOptions.ts';
import { breaks, ok, unknown, type Finding, type Rule } from '../rule.ts';

/** Judges options that have to be on. */
export function needsOptions(facts: Facts, kernel: 'A' | 'B', names: readonly OptionName[]): Finding {
  const found = names.map((name) => ({ name, ...facts.kernels[kernel].options(name) }));
  const sources = [...new Set(found.map(({ source }) => source))].join(', ');
  const listed = (chosen: readonly { name: string }[]): string => chosen.map(({ name }) => `CONFIG_${name}`).join(', ');
  const off = found.filter(({ isOn }) => isOn === false);
  const remedy = `Build kernel ${kernel} with ${listed(names.map((name) => ({ name })))}=y.`;
  if (off.length > 0) return breaks(`Kernel ${kernel} is without ${listed(off)} (${sources}).`, remedy);
  const open = found.filter(({ isOn }) => isOn === undefined);
  if (open.length > 0) return unknown(`Whether kernel ${kernel} has ${listed(open)} is not known: ${sources}.`, remedy);
  return ok(`Kernel ${kernel} has ${listed(found)} (${sources}).`);
}

const kernelAJumps: Rule = {
  name: 'kernel-a-jumps',
  title: "Kernel A's configuration",
  purpose: 'jump',
  otherwise: 'kexec --load-preserve-context fails: kexec_load() answers "Invalid argument", or there is no such call.',
  judge: (facts) => needsOptions(facts, 'A', ['KEXEC', 'KEXEC_JUMP']),
};

const kernelAReturns: Rule = {
  name: 'kernel-a-returns',
  title: 'Kernel A can return',
  purpose: 'jump',
  otherwise:
    'The jump back ends in a triple fault in kernel A: __restore_processor_state() loads %ss from an empty GDT, and no handler can be entered.',
  judge: ({ kernels: { A } }) => {
    const remedy =
      'Apply qemu-runner/guest/kernel/patches/0001 (load_fixmap_gdt() behind the return in machine_kexec()) to kernel A.';
    if (A.reloadsGdt === undefined)
      return unknown('What machine_kexec() does on its return is not understood.', remedy);
    if (!A.reloadsGdt)
      return breaks("Kernel A's machine_kexec() makes the GDT invalid and never loads it again.", remedy);
    return ok("Kernel A's machine_kexec() loads its GDT again when the jump returns.");
  },
};

const kernelBJumpsBack: Rule = {
  name: 'kernel-b-jumps-back',
  title: "Kernel B's configuration",
  purpose: 'jump',
  otherwise: 'Kernel B comes up and cannot jump back: its kexec_load() answers "Invalid argument".',
  judge: (facts) => needsOptions(facts, 'B', ['KEXEC', 'KEXEC_JUMP']),
};

const kernelBHasVmcore: Rule = {
  name: 'kernel-b-vmcore',
  title: 'Kernel B can read what it saves',
  purpose: 'save',
  otherwise: 'Kernel B has no /proc/vmcore, and the save fails before anything is written.',
  judge: (facts) => needsOptions(facts, 'B', ['CRASH_DUMP', 'PROC_VMCORE']),
};

const kernelBHasDisk: Rule = {
  name: 'kernel-b-disk',
  title: 'Kernel B can write to the disk',
  purpose: 'save',
  otherwise: 'Kernel B does not see the disk with the serial number "hibernation", and nothing can be saved.',
  judge: (facts) => needsOptions(facts, 'B', ['VIRTIO_PCI', 'VIRTIO_BLK']),
};

const registersSaved: Rule = {
  name: 'kernel-a-registers',
  title: "Kernel A's registers for /proc/vmcore",
  purpose: 'save',
  otherwise:
    'The crash notes are empty, kernel B warns of it ("Zero PT_NOTE entries found"), and the image has no registers of kernel A.',
  judge: ({ kernels: { A } }) => {
    const remedy = 'Apply qemu-runner/guest/kernel/patches/0002 (crash_save_cpu() in machine_kexec()) to kernel A.';
    if (A.savesRegisters === undefined) return unknown('vmlinux of kernel A has no machine_kexec().', remedy);
    if (!A.savesRegisters) return breaks("Kernel A's machine_kexec() does not call crash_save_cpu().", remedy);
    return ok("Kernel A's machine_kexec() saves the CPU's registers in the crash notes.");
  },
};

const kernelAHasPae: Rule = {
  name: 'kernel-a-pae',
  title: 'Kernel A has PAE again',
  purpose: 'jump',
  otherwise:
    'The jump back ends in a triple fault: kernel A switches paging on with CR4.PAE off, and the CPU takes its page tables for ones of two levels.',
  judge: ({ kernels: { A } }) => {
    if (A.setsCr4Again === 'without PAE') return undefined;
    const remedy =
      'Apply qemu-runner/guest/kernel/patches/0004 (CR4.PAE behind the swap in relocate_kernel) to kernel A.';
    if (A.setsCr4Again === undefined)
      return unknown('What relocate_kernel does on its return is not understood.', remedy);
    if (!A.setsCr4Again) return breaks("Kernel A's relocate_kernel never sets CR4 again on its return.", remedy);
    return ok("Kernel A's relocate_kernel sets CR4 again when the jump returns.");
  },
};

export const KERNEL_RULES: readonly Rule[] = [kernelAJumps, kernelAReturns, kernelBJumpsBack];
export const PAE_RULES: readonly Rule[] = [kernelAHasPae];
export const SAVING_KERNEL_RULES: readonly Rule[] = [kernelBHasVmcore, kernelBHasDisk, registersSaved];
