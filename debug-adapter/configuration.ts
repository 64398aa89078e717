/** From a launch configuration to what a session needs: defaults filled in, files checked, nothing started. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AttachTarget } from '../qemu-runner/attachedMachine.ts';
import { UserFacingError } from '../qemu-runner/errors.ts';
import { DEFAULT_GUEST, GUEST_NAMES, isGuestName, type GuestName } from '../qemu-runner/guest/guests.ts';
import { findLabs, type Lab } from '../qemu-runner/guest/lab.ts';
import { requireProgram } from '../qemu-runner/programs.ts';
import type { KernelFile } from '../vmcore-viewer/core/kernelFile.ts';
import type { VmcoreInfo } from '../vmcore-viewer/core/vmcoreInfo.ts';
import { findVmlinux } from '../vmcore-viewer/explorer/findVmlinux.ts';
import { gdbMissing, invalidConfiguration, vmlinuxNotFound } from './errors.ts';
import { relocateObjectBeside } from './gdb/kernelGdb.ts';
import { parseHibernateWish } from './jump/hibernation.ts';
import { KERNEL_NAMES, type KernelName } from './jump/kernel.ts';
import { DEFAULT_STOPS, isPhaseName } from './jump/phases.ts';
import { isCallStop, unknownStop } from './jump/stopChoice.ts';
import { openOnce, parseEntry, resolveLaunch, type LaunchedMachine, type OpenKernel } from './launchedMachine.ts';
import { PREFLIGHT_MODES, type PreflightMode } from './preflight/gate.ts';
import { ImageMachine } from './postMortem/imageMachine.ts';
import { guestOfImage } from './postMortem/resumeImage.ts';
import type { AttachConfiguration, HibernateWish, KernelConfiguration, LaunchConfiguration } from './protocol.ts';

const OLDEST_GDB = '12.1';

/** A kernel that can be debugged. */
export interface ResolvedKernel {
  file: KernelFile;
  vmlinux: string;
  /** relocate_kernel_32.o of the build, for the control page's source lines; it may not exist. */
  relocateObject: string;
  /** purgatory.ro of the kexec that loads the kernel, if it is known. */
  purgatory: string | undefined;
  /** The kernel's own gdb commands (lx-ps …); the file may not exist. */
  gdbScripts: string;
  /** Root of the source tree, if the line tables do not lead there by themselves. */
  sourceDirectory: string | undefined;
}

/** A machine of the user's. */
export interface AttachedTo extends AttachTarget {
  kind: 'attach';
  /** MiB, if the user says so. */
  memory: number | undefined;
}

/** A saved image, which stands for a machine that has stopped for good. */
export interface SavedMachine {
  kind: 'image';
  image: ImageMachine;
}

export interface ResolvedConfiguration {
  kernels: Record<KernelName, ResolvedKernel>;
  machine: LaunchedMachine | AttachedTo | SavedMachine;
  stopAt: ReadonlySet<string>;
  autoJump: boolean;
  /** How kernel A is to be saved as soon as it runs its programs. */
  hibernate: HibernateWish | undefined;
  /** Name of the snapshot to begin at. */
  snapshot: string | undefined;
  gdb: { path: string; setup: readonly string[] };
  audit: boolean;
  /** What becomes of a rule of the preflight that breaks. */
  preflight: PreflightMode;
  trace: boolean;
  /** Mode of breakpoints that name none. */
  breakpointKernel: 'both' | KernelName;
  stepIntoInterrupts: boolean;
  sourceFileMap: ReadonlyMap<string, string>;
}

/** Whether the configuration leaves anything to the lab guest. */
export function needsLab(configuration: LaunchConfiguration | AttachConfiguration): boolean {
  if (isCore(configuration)) return false;
  return KERNEL_NAMES.some((name) => {
    const kernel: KernelConfiguration = configuration[`kernel${name}`] ?? {};
    return kernel.vmlinux === undefined || (!isAttach(configuration) && kernel.initrd === undefined);
  });
}

/** The guest of the lab that it is left to: who is resumed, by one of its kind. @throws UserFacingError `invalid-configuration`. */
export function guestOfConfiguration(configuration: LaunchConfiguration | AttachConfiguration): GuestName {
  const { guest, resume } = configuration as LaunchConfiguration;
  if (guest === undefined) return (resume === undefined ? undefined : guestOfImage(resume)) ?? DEFAULT_GUEST;
  if (isGuestName(guest)) return guest;
  throw invalidConfiguration('guest', `it is one of ${GUEST_NAMES.join(', ')}`);
}

/**
 * Fills in the defaults and checks everything that can be checked before the machine starts.
 * @param lab the lab guest; `undefined` only when `needsLab` says no.
 * @throws UserFacingError that names the attribute or the program and what to do.
 */
export async function resolveConfiguration(
  configuration: LaunchConfiguration | AttachConfiguration,
  lab: Lab | undefined,
): Promise<ResolvedConfiguration> {
  const gdb = { path: 'gdb', setup: [], ...configuration.gdb };
  await requireProgram({
    name: 'gdb',
    program: gdb.path,
    oldest: OLDEST_GDB,
    missing: (path) => gdbMissing(path, 'there is no such program, or it does not run'),
  });
  const stopAt = parseStops(configuration.stopAt);
  const open = openOnce();
  const machine = await resolveMachine(configuration, lab, open);
  const vmlinux = (name: KernelName): string | undefined => configuration[`kernel${name}`]?.vmlinux;
  try {
    return {
      machine,
      kernels: resolveKernels(machine, vmlinux, lab, open),
      stopAt,
      autoJump: !isAttach(configuration) && (configuration.autoJump ?? true),
      hibernate: isAttach(configuration) ? undefined : wishOf(configuration),
      snapshot: isAttach(configuration) ? undefined : configuration.snapshot,
      gdb,
      audit: configuration.audit ?? false,
      preflight: isAttach(configuration) ? 'off' : parsePreflight(configuration.preflight),
      trace: configuration.trace ?? false,
      breakpointKernel: configuration.breakpointKernel ?? 'both',
      stepIntoInterrupts: configuration.stepIntoInterrupts ?? false,
      sourceFileMap: new Map(Object.entries(configuration.sourceFileMap ?? {})),
    };
  } catch (error) {
    if (machine.kind === 'image') await machine.image.stop();
    throw error;
  }
}

async function resolveMachine(
  configuration: LaunchConfiguration | AttachConfiguration,
  lab: Lab | undefined,
  open: OpenKernel,
): Promise<ResolvedConfiguration['machine']> {
  if (isAttach(configuration)) return resolveTarget(configuration);
  if (isCore(configuration)) return { kind: 'image', image: await openCore(configuration) };
  return resolveLaunch(configuration, lab, open);
}

const isAttach = (configuration: LaunchConfiguration | AttachConfiguration): configuration is AttachConfiguration =>
  'gdbstub' in configuration;

function wishOf({ hibernate }: LaunchConfiguration): HibernateWish | undefined {
  return hibernate && parseHibernateWish({ level: 17, after: 'poweroff', ...hibernate });
}

/** Whether a saved image is to be debugged, and no machine. */
export const isCore = (
  configuration: LaunchConfiguration | AttachConfiguration,
): configuration is LaunchConfiguration & { core: string | string[] } =>
  !isAttach(configuration) && configuration.core !== undefined;

async function openCore({ core, entry }: LaunchConfiguration & { core: string | string[] }): Promise<ImageMachine> {
  const paths = typeof core === 'string' ? [core] : core;
  if (paths.length === 0) throw invalidConfiguration('core', 'it is a file, or the files of a split set');
  const address = parseEntry(entry);
  try {
    return await ImageMachine.open({ paths, entry: address });
  } catch (error) {
    if (error instanceof UserFacingError) throw error;
    throw invalidConfiguration('core', (error as Error).message);
  }
}

function resolveTarget({ gdbstub, qmp, ram, memory, audit }: AttachConfiguration): AttachedTo {
  if (!gdbstub) throw invalidConfiguration('gdbstub', 'it is the address of a gdbstub: a socket or 127.0.0.1:1234');
  if (audit && ram === undefined)
    throw invalidConfiguration('audit', 'it needs the file behind the guest\'s memory ("ram")');
  if (ram !== undefined && !existsSync(ram)) throw invalidConfiguration('ram', `there is no file "${ram}"`);
  return { kind: 'attach', gdbstub, qmp, ram, memory };
}

type Given = (name: KernelName) => string | undefined;

function resolveKernels(
  machine: ResolvedConfiguration['machine'],
  given: Given,
  lab: Lab | undefined,
  open: OpenKernel,
): ResolvedConfiguration['kernels'] {
  const built = [...(lab ? [lab] : []), ...findLabs()];
  const labFiles = built.map(({ vmlinux }) => vmlinux);
  const find = (name: KernelName, info: VmcoreInfo | undefined): string | undefined => {
    const found = given(name) ?? (info && findVmlinux(info, labFiles));
    if (found === undefined && (info || name === 'A')) throw vmlinuxNotFound(name, info?.release, info?.buildId);
    return found;
  };
  const resolve = (A: string | undefined, B: string | undefined): ResolvedConfiguration['kernels'] => ({
    A: resolveKernel('A', A, built, open),
    B: resolveKernel('B', B, built, open),
  });
  if (machine.kind === 'image') {
    const { A, B } = machine.image.kernels;
    const ofA = find('A', A);
    // One that is not in the image is not shown.
    return resolve(ofA, find('B', B) ?? ofA);
  }
  const resumed = machine.kind === 'launch' ? machine.resume?.explorer.kernel?.info : undefined;
  return resolve(resumed ? find('A', resumed) : given('A'), given('B'));
}

function resolveKernel(
  name: KernelName,
  given: string | undefined,
  labs: readonly Lab[],
  open: OpenKernel,
): ResolvedKernel {
  const vmlinux = given ?? labs[0]?.vmlinux;
  if (vmlinux === undefined) throw invalidConfiguration(`kernel${name}`, 'without the lab guest it needs "vmlinux"');
  const lab = labs.find((one) => one.vmlinux === vmlinux);
  return {
    file: open(vmlinux),
    vmlinux,
    relocateObject: lab?.relocateObject ?? relocateObjectBeside(vmlinux),
    gdbScripts: join(lab ? join(lab.directory, 'kernel-gdb') : dirname(vmlinux), 'vmlinux-gdb.py'),
    sourceDirectory: lab?.sourceDirectory,
    // The lab's kexec loads kernels of the user's too.
    purgatory: labs[0]?.purgatory,
  };
}

function parsePreflight(mode: LaunchConfiguration['preflight'] = 'ask'): PreflightMode {
  if (PREFLIGHT_MODES.includes(mode)) return mode;
  throw invalidConfiguration('preflight', `it is one of ${PREFLIGHT_MODES.join(', ')}`);
}

/** Whether kernel_kexec() makes such a call is known when the kernel's symbols are. */
function parseStops(stops: readonly string[] | undefined): ReadonlySet<string> {
  for (const stop of stops ?? []) {
    if (!isPhaseName(stop) && !isCallStop(stop)) throw invalidConfiguration('stopAt', unknownStop(stop));
  }
  return new Set(stops ?? DEFAULT_STOPS);
}
