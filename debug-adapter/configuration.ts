/** From a launch configuration to what a session needs: defaults filled in, files checked, nothing started. */
import { dirname, join } from 'node:path';
import { imageVersion, isSameBuild } from '../qemu-runner/bootFiles.ts';
import { qemuMissing } from '../qemu-runner/errors.ts';
import type { Lab } from '../qemu-runner/guest/lab.ts';
import { requireProgram } from '../qemu-runner/programs.ts';
import { resolveWindow, type Window, type WindowSetting } from '../qemu-runner/window.ts';
import { KernelFile } from '../vmcore-viewer/core/kernelFile.ts';
import { gdbMissing, invalidConfiguration, kernelUnreadable, vmlinuxDoesNotMatch } from './errors.ts';
import { relocateObjectBeside } from './gdb/kernelGdb.ts';
import type { KernelName } from './jump/kernel.ts';
import { DEFAULT_STOPS, isPhaseName, PHASES, type PhaseName } from './jump/phases.ts';
import type { KernelConfiguration, LaunchConfiguration } from './protocol.ts';

const OLDEST_QEMU = '7.0';
const OLDEST_GDB = '12.1';
const DEFAULT_MEMORY = 256;

/** Every kernel's command line; kernel A's console is COM1, kernel B's COM3, both are out of each other's way. */
const COMMON_WORDS = 'no_console_suspend';
const CONSOLE: Record<KernelName, string> = { A: 'ttyS0', B: 'ttyS2' };

/** A kernel that can be booted and debugged. */
export interface ResolvedKernel {
  file: KernelFile;
  vmlinux: string;
  image: string;
  initrd: string;
  append: string;
  /** relocate_kernel_32.o of the build, for the control page's source lines; it may not exist. */
  relocateObject: string;
  /** The kernel's own gdb commands (lx-ps …); the file may not exist. */
  gdbScripts: string;
  /** Root of the source tree, if the line tables do not lead there by themselves. */
  sourceDirectory: string | undefined;
}

export interface ResolvedConfiguration {
  kernels: Record<KernelName, ResolvedKernel>;
  window: Window;
  /** MiB. */
  memory: number;
  stopAt: ReadonlySet<PhaseName>;
  autoJump: boolean;
  qemu: { path: string; args: readonly string[]; accel: 'tcg' | 'kvm' };
  gdb: { path: string; setup: readonly string[] };
  trace: boolean;
}

/** Whether the configuration leaves anything to the lab guest. */
export function needsLab(configuration: LaunchConfiguration): boolean {
  return [configuration.kernelA, configuration.kernelB].some((kernel) => !kernel?.vmlinux || !kernel.initrd);
}

/**
 * Fills in the defaults and checks everything that can be checked before the machine starts.
 * @param lab the lab guest; `undefined` only when `needsLab` says no.
 * @throws UserFacingError that names the attribute or the program and what to do.
 */
export async function resolveConfiguration(
  configuration: LaunchConfiguration,
  lab: Lab | undefined,
): Promise<ResolvedConfiguration> {
  const qemu = { path: 'qemu-system-i386', args: [], accel: 'tcg' as const, ...configuration.qemu };
  const gdb = { path: 'gdb', setup: [], ...configuration.gdb };
  await requireProgram({ name: 'QEMU', program: qemu.path, oldest: OLDEST_QEMU, missing: qemuMissing });
  await requireProgram({
    name: 'gdb',
    program: gdb.path,
    oldest: OLDEST_GDB,
    missing: (path) => gdbMissing(path, 'there is no such program, or it does not run'),
  });
  const memory = configuration.memory ?? DEFAULT_MEMORY;
  if (!Number.isInteger(memory) || memory < 64 || memory > 3072) {
    throw invalidConfiguration('memory', 'it is a whole number of MiB from 64 to 3072');
  }
  return {
    window: resolveWindow(parseWindow(configuration.window ?? 'high'), memory),
    memory,
    stopAt: parseStops(configuration.stopAt),
    autoJump: configuration.autoJump ?? true,
    qemu,
    gdb,
    trace: configuration.trace ?? false,
    kernels: {
      A: resolveKernel('A', configuration.kernelA ?? {}, lab),
      B: resolveKernel('B', configuration.kernelB ?? {}, lab),
    },
  };
}

function resolveKernel(name: KernelName, given: KernelConfiguration, lab: Lab | undefined): ResolvedKernel {
  const vmlinux = given.vmlinux ?? lab?.vmlinux;
  const initrd = given.initrd ?? lab?.initramfs;
  if (vmlinux === undefined || initrd === undefined) {
    throw invalidConfiguration(`kernel${name}`, 'without the lab guest it needs "vmlinux" and "initrd"');
  }
  const isOwn = given.vmlinux !== undefined;
  const image = given.image ?? (isOwn ? join(dirname(vmlinux), 'arch/x86/boot/bzImage') : lab!.bzImage);
  const file = openKernel(vmlinux);
  const version = imageVersion(image);
  if (file.banner === undefined || !isSameBuild(version, file.banner)) {
    throw vmlinuxDoesNotMatch(name, vmlinux, file.banner ?? 'without a banner', version);
  }
  const words = [`console=${CONSOLE[name]}`, COMMON_WORDS, `role=${name}`, given.append ?? ''];
  if (!/(^|\s)kaslr(\s|$)/.test(given.append ?? '')) words.unshift('nokaslr');
  return {
    file,
    vmlinux,
    image,
    initrd,
    append: words.join(' ').trim(),
    relocateObject: isOwn ? relocateObjectBeside(vmlinux) : lab!.relocateObject,
    gdbScripts: isOwn ? join(dirname(vmlinux), 'vmlinux-gdb.py') : join(lab!.directory, 'kernel-gdb', 'vmlinux-gdb.py'),
    sourceDirectory: isOwn ? undefined : lab!.sourceDirectory,
  };
}

function openKernel(path: string): KernelFile {
  try {
    return new KernelFile(path);
  } catch (error) {
    throw kernelUnreadable(path, (error as Error).message);
  }
}

function parseWindow(window: NonNullable<LaunchConfiguration['window']>): WindowSetting {
  if (window === 'low' || window === 'high') return window;
  if (typeof window === 'string') throw invalidConfiguration('window', 'it is "low", "high" or {"min": …, "max": …}');
  const [min, max] = [Number(window.min), Number(window.max)];
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || min < 0 || max <= min) {
    throw invalidConfiguration('window', '"min" and "max" are its first and last byte, as numbers or as "0x…"');
  }
  return { min, max };
}

function parseStops(stops: readonly string[] | undefined): ReadonlySet<PhaseName> {
  for (const stop of stops ?? []) {
    if (!isPhaseName(stop))
      throw invalidConfiguration('stopAt', `"${stop}" is no phase; phases are ${PHASES.join(', ')}`);
  }
  return new Set((stops as PhaseName[] | undefined) ?? DEFAULT_STOPS);
}
