/**
 * How a kernel is configured, told by its files: the configuration that is built into it (CONFIG_IKCONFIG), else functions and
 * variables that are there only with an option, else a .config beside vmlinux. Source: kernel/configs.c.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseConfig } from '../../qemu-runner/guest/kernelConfig.ts';
import { calls, type KernelBytes } from './kernelCode.ts';

/** Options that the rules ask for, without "CONFIG_". */
export type OptionName =
  'KEXEC' | 'KEXEC_JUMP' | 'CRASH_DUMP' | 'PROC_VMCORE' | 'DEVMEM' | 'STRICT_DEVMEM' | 'VIRTIO_BLK' | 'VIRTIO_PCI';

/** An option's state, and where it was found; `isOn` is `undefined` when nothing tells, or it is a module. */
export interface OptionFinding {
  isOn: boolean | undefined;
  source: string;
}

export type KernelOptions = (name: OptionName) => OptionFinding;

/** What is in a vmlinux only with the option, and in each that has it. Sources: the files that define them. */
const TRACES: Readonly<Partial<Record<OptionName, (file: KernelBytes) => boolean>>> = {
  // kernel/kexec.c
  KEXEC: (file) => ['__ia32_sys_kexec_load', '__do_sys_kexec_load', 'sys_kexec_load'].some((name) => file.symbol(name)),
  // kernel/kexec_core.c, kernel_kexec(): #ifdef CONFIG_KEXEC_JUMP
  KEXEC_JUMP: (file) => calls(file, 'kernel_kexec', 'freeze_processes'),
  // kernel/crash_dump.c
  CRASH_DUMP: (file) => file.symbol('elfcorehdr_addr') !== undefined,
  // fs/proc/vmcore.c
  PROC_VMCORE: (file) => file.symbol('vmcore_cleanup') !== undefined,
  // drivers/char/mem.c
  DEVMEM: (file) => file.symbol('write_mem') !== undefined,
  // drivers/block/virtio_blk.c, drivers/virtio/virtio_pci_common.c
  VIRTIO_BLK: (file) => file.symbol('virtblk_probe') !== undefined,
  VIRTIO_PCI: (file) => file.symbol('virtio_pci_probe') !== undefined,
};

/** Files beside vmlinux that have a kernel's configuration: of a build tree, and of the lab. */
const FILES = ['.config', 'config'];

/** Looks where the configuration can be found; each option is asked for by itself. */
export function kernelOptions(file: KernelBytes & { path: string }): KernelOptions {
  const builtIn = builtInConfig(file);
  const beside = builtIn ? undefined : configBeside(file.path);
  return (name) => {
    if (builtIn) return stateOf(builtIn, name, 'the configuration in vmlinux');
    const trace = TRACES[name];
    if (trace) return { isOn: trace(file), source: 'the code of vmlinux' };
    return beside ? stateOf(beside.options, name, beside.path) : { isOn: undefined, source: NOWHERE };
  };
}

const NOWHERE = 'vmlinux has no CONFIG_IKCONFIG, and there is no .config of its build beside it';

function stateOf(options: ReadonlyMap<string, string>, name: OptionName, source: string): OptionFinding {
  const value = options.get(`CONFIG_${name}`) ?? 'n';
  // Whether the initial RAM disk has a module and loads it is not known.
  return value === 'm' ? { isOn: undefined, source: `${source} has it as a module` } : { isOn: value === 'y', source };
}

/** The text that CONFIG_IKCONFIG puts into a kernel: gzip'ed, between two symbols. */
function builtInConfig(file: KernelBytes): ReadonlyMap<string, string> | undefined {
  const [start, end] = ['kernel_config_data', 'kernel_config_data_end'].map((name) => file.symbol(name)?.address);
  if (start === undefined || end === undefined) return undefined;
  const packed = file.bytesAt(start, end - start);
  try {
    return packed && parseConfig(gunzipSync(packed).toString());
  } catch {
    return undefined;
  }
}

/** One that was changed after the build may be of the next one. */
function configBeside(vmlinux: string): { path: string; options: ReadonlyMap<string, string> } | undefined {
  for (const name of FILES) {
    const path = join(dirname(vmlinux), name);
    try {
      if (statSync(path).mtimeMs > statSync(vmlinux).mtimeMs + 1000) continue;
      return { path, options: parseConfig(readFileSync(path, 'utf8')) };
    } catch {
      // It is not there.
    }
  }
  return undefined;
}
