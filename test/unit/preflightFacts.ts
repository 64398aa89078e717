/** Facts of a machine in which all rules of the preflight hold: the lab guest's. */
import type { Facts, KernelFacts } from '../../debug-adapter/preflight/facts.ts';
import type { OptionName } from '../../debug-adapter/preflight/kernelOptions.ts';

export const MIB = 1 << 20;

/** @param off options that are not set; all others are, but STRICT_DEVMEM. */
export function kernelWithout(...off: OptionName[]): KernelFacts['options'] {
  return (name) => ({ isOn: name !== 'STRICT_DEVMEM' && !off.includes(name), source: 'a test' });
}

const KERNEL: KernelFacts = {
  options: kernelWithout(),
  append: 'nokaslr no_console_suspend',
  imageSize: 0x1e6200,
  placement: { isRelocatable: true, alignment: 0x200000, linkedAt: 0x1000000, initSize: 0x526000 },
  reloadsGdt: true,
  savesRegisters: true,
  setsCr4Again: 'without PAE',
  initrd: { path: '/lab/initramfs.gz', size: 0x3afb69, unpacked: 8227840, kexec: 'patched' },
};

export function facts(
  changes: Partial<Facts> = {},
  ofKernels: { A?: Partial<KernelFacts>; B?: Partial<KernelFacts> } = {},
): Facts {
  return {
    memory: 256 * MIB,
    window: { min: 0x2000000, max: 0x3ffffff },
    kernels: { A: { ...KERNEL, ...ofKernels.A }, B: { ...KERNEL, ...ofKernels.B } },
    save: {
      level: 17,
      places: [
        { path: '/tmp', free: 60000 * MIB, device: 1 },
        { path: '/images', free: 60000 * MIB, device: 2 },
      ],
    },
    resume: undefined,
    live: undefined,
    ...changes,
  };
}
