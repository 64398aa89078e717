/** A machine of ours: what it boots, from a launch configuration with its defaults filled in. */
import { dirname, join } from 'node:path';
import { isSameBuild, readBootHeader } from '../qemu-runner/bootHeader.ts';
import { qemuMissing } from '../qemu-runner/errors.ts';
import type { Lab } from '../qemu-runner/guest/lab.ts';
import { requireProgram } from '../qemu-runner/programs.ts';
import { resolveWindow, windowOf, type Window, type WindowSetting } from '../qemu-runner/window.ts';
import { ramThatEndsAt } from '../vmcore-viewer/core/physicalMemory.ts';
import { KernelFile } from '../vmcore-viewer/core/kernelFile.ts';
import { invalidConfiguration, kernelUnreadable, vmlinuxDoesNotMatch } from './errors.ts';
import type { KernelName } from './jump/kernel.ts';
import { cpusFor, type MachineCpus } from './machineCpus.ts';
import { openResumeImage, type ResumeImage } from './postMortem/resumeImage.ts';
import { RESUME_WAYS, type KernelConfiguration, type LaunchConfiguration, type ResumeWay } from './protocol.ts';

const OLDEST_QEMU = '7.0';
const DEFAULT_MEMORY = 256;
/** MiB; only a kernel with PAE sees more than 3 GiB of a PC. */
const MOST_MEMORY = 16384;
const MIB = 1 << 20;
/** At the end of memory the firmware keeps tables of devices, of which a machine that resumes may have more. */
const FIRMWARE_MIB = 1;
/** What the kernel that resumes uses itself, beside an image that it loads as a whole. */
const OWN_MIB = 48;

/** Every kernel's command line; kernel A's console is COM1, kernel B's COM3, both are out of each other's way. */
const COMMON_WORDS = 'no_console_suspend';
const CONSOLE: Record<KernelName, string> = { A: 'ttyS0', B: 'ttyS2' };

/** What a kernel is booted with. */
export interface BootFiles {
  image: string;
  initrd: string;
  append: string;
}

/** A machine of ours. */
export interface LaunchedMachine extends MachineCpus {
  kind: 'launch';
  boot: Record<KernelName, BootFiles>;
  /** The image from which kernel A is resumed, by a kernel that has kernel B's files and place. */
  resume: ResumeImage | undefined;
  resumeBy: ResumeWay;
  window: Window;
  /** MiB. */
  memory: number;
  qemu: { path: string; args: readonly string[]; accel: 'tcg' | 'kvm' };
}

/**
 * Fills in the defaults and checks the files. An image that is to be resumed says how much memory the machine has, and where the
 * kernel may live that resumes it.
 */
export async function resolveLaunch(
  configuration: LaunchConfiguration,
  lab: Lab | undefined,
  open: OpenKernel,
): Promise<LaunchedMachine> {
  const qemu = { path: 'qemu-system-i386', args: [], accel: 'tcg' as const, ...configuration.qemu };
  await requireProgram({ name: 'QEMU', program: qemu.path, oldest: OLDEST_QEMU, missing: qemuMissing });
  const resume =
    configuration.resume === undefined
      ? undefined
      : openResumeImage(configuration.resume, parseEntry(configuration.entry));
  const resumeBy = parseResumeWay(configuration.resumeBy);
  const memory = configuration.memory ?? (resume ? memoryToResume(resume, resumeBy) : DEFAULT_MEMORY);
  if (!Number.isInteger(memory) || memory < 64 || memory > MOST_MEMORY) {
    throw invalidConfiguration('memory', `it is a whole number of MiB from 64 to ${MOST_MEMORY}`);
  }
  const setting = parseWindow(configuration.window ?? 'high');
  // One that breaks is let through where a person has said so.
  const isStrict = (configuration.preflight ?? 'ask') === 'ask';
  const window = resume?.window ?? (isStrict ? resolveWindow(setting, memory) : windowOf(setting));
  const boot = {
    A: resolveBootFiles('A', configuration.kernelA ?? {}, lab, open),
    B: resolveBootFiles('B', configuration.kernelB ?? {}, lab, open),
  };
  if (resume) boot.B.append = asResuming(boot.B.append, window, resumeBy);
  const kernels = [configuration.kernelA, configuration.kernelB].map((given) => open(vmlinuxOf(given, lab)!));
  return { kind: 'launch', boot, resume, resumeBy, window, memory, ...cpusFor(kernels), qemu };
}

/**
 * Whether the kernel that is to copy the image cannot be booted into the window, which does not begin where memory does: one that
 * has all of memory (C1) loads it there, and jumps.
 */
export const needsFirstC = ({ resume, resumeBy, window }: LaunchedMachine): boolean =>
  resume !== undefined && resumeBy === 'copy' && !beginsLikeMemory(window);

const beginsLikeMemory = ({ min }: Window): boolean => min <= MIB;

/** MiB. kexec_load copies the image first, for which it takes no more than half of memory. */
function memoryToResume({ memoryEnd }: ResumeImage, way: ResumeWay): number {
  const memory = Math.ceil(ramThatEndsAt(memoryEnd) / MIB) + FIRMWARE_MIB;
  return way === 'copy' ? memory : 2 * memory + OWN_MIB;
}

/** Command line of the kernel that resumes: one that copies has no memory but the window. */
function asResuming(append: string, window: Window, way: ResumeWay): string {
  const within = way === 'copy' && beginsLikeMemory(window) ? [`mem=${window.max + 1}`] : [];
  return [append.replace('role=B', 'role=C'), ...within].join(' ');
}

function parseResumeWay(way: LaunchConfiguration['resumeBy'] = 'copy'): ResumeWay {
  const known = RESUME_WAYS.find((one) => one === way);
  if (known === undefined) throw invalidConfiguration('resumeBy', `it is ${RESUME_WAYS.join(' or ')}`);
  return known;
}

/** @throws UserFacingError `invalid-configuration`. */
export function parseEntry(entry: LaunchConfiguration['entry']): number | undefined {
  if (entry === undefined || entry === '') return undefined;
  const address = Number(entry);
  if (Number.isSafeInteger(address) && address >= 0) return address;
  throw invalidConfiguration('entry', 'it is a physical address, as a number or as "0x…"');
}

function resolveBootFiles(
  name: KernelName,
  given: KernelConfiguration,
  lab: Lab | undefined,
  open: OpenKernel,
): BootFiles {
  const vmlinux = vmlinuxOf(given, lab);
  const initrd = given.initrd ?? lab?.initramfs;
  if (vmlinux === undefined || initrd === undefined) {
    throw invalidConfiguration(`kernel${name}`, 'without the lab guest it needs "vmlinux" and "initrd"');
  }
  const built = given.vmlinux === undefined ? lab!.bzImage : join(dirname(vmlinux), 'arch/x86/boot/bzImage');
  const image = given.image ?? built;
  const { banner } = open(vmlinux);
  const { version } = readBootHeader(image);
  if (banner === undefined || !isSameBuild(version, banner)) {
    throw vmlinuxDoesNotMatch(name, vmlinux, banner ?? 'without a banner', version);
  }
  const words = [`console=${CONSOLE[name]}`, COMMON_WORDS, `role=${name}`, given.append ?? ''];
  if (!/(^|\s)kaslr(\s|$)/.test(given.append ?? '')) words.unshift('nokaslr');
  return { image, initrd, append: words.join(' ').trim() };
}

const vmlinuxOf = (given: KernelConfiguration | undefined, lab: Lab | undefined): string | undefined =>
  given?.vmlinux ?? lab?.vmlinux;

export type OpenKernel = (path: string) => KernelFile;

/** Reads a vmlinux once, whoever asks: most often kernel A and kernel B are the same. */
export function openOnce(): OpenKernel {
  const files = new Map<string, KernelFile>();
  return (path) => {
    const file = files.get(path) ?? openKernel(path);
    files.set(path, file);
    return file;
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
