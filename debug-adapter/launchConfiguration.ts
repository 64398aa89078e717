/** Launch and attach configurations, as launch.json has them. */
import type { GuestName } from '../qemu-runner/guest/guests.ts';
import type { WindowSetting } from '../qemu-runner/window.ts';
import type { KernelName } from './jump/kernel.ts';
import type { PreflightMode } from './preflight/gate.ts';

/** The debug type of launch configurations. */
export const DEBUG_TYPE = 'kexec-jump';

/** A kernel to boot. What is left out comes from the lab guest. Paths are absolute. */
export interface KernelConfiguration {
  /** ELF file with debug information. */
  vmlinux?: string;
  /** bzImage of the same build. */
  image?: string;
  /** Initial RAM disk; the lab's has the guest agent that loads and jumps. */
  initrd?: string;
  /** More words for the kernel's command line. */
  append?: string;
}

/** What a launch and an attach configuration have in common. Everything has a default. */
interface CommonConfiguration {
  /**
   * Where the session stops: phases, and calls of kernel_kexec() by kernel and function, such as "A dpm_suspend_start".
   */
  stopAt?: string[];
  gdb?: { path?: string; setup?: string[] };
  /** Kernels in which a breakpoint is set that names none. */
  breakpointKernel?: 'both' | KernelName;
  /** Whether a step by instruction goes into interrupts that are due. */
  stepIntoInterrupts?: boolean;
  /** Folders of the build machine, and where their files are here. */
  sourceFileMap?: Record<string, string>;
  /** Hash every page frame at the moments of a jump, and report what did not arrive, stay or come back. */
  audit?: boolean;
  /** Write every message of gdb and the stubs to the log. */
  trace?: boolean;
}

/** An attach configuration, `"type": "kexec-jump", "request": "attach"`: to a QEMU that the user started. */
export interface AttachConfiguration extends CommonConfiguration {
  kernelA?: { vmlinux?: string };
  kernelB?: { vmlinux?: string };
  /** Address of QEMU's gdbstub: path of a unix socket, or a port of this machine such as 127.0.0.1:1234. */
  gdbstub: string;
  /** Address of QEMU's machine protocol, for snapshots, descriptor tables, power-off and reset. */
  qmp?: string;
  /** File behind the guest's memory, for a dormant kernel while its peer runs. */
  ram?: string;
  /** The machine's memory in MiB, if neither `qmp` nor `ram` tells. */
  memory?: number;
}

/** A launch configuration, `"type": "kexec-jump", "request": "launch"`. */
export interface LaunchConfiguration extends CommonConfiguration {
  /** The guest of the lab from which comes what `kernelA` and `kernelB` leave out. Default: "6.1". */
  guest?: GuestName;
  kernelA?: KernelConfiguration;
  kernelB?: KernelConfiguration;
  /** Physical memory that kernel B gets: by name or by its first and last byte (numbers or "0x…"). */
  window?: WindowSetting | { min: number | string; max: number | string };
  /** The machine's memory in MiB. */
  memory?: number;
  /** Load kernel B and jump as soon as kernel A is up. */
  autoJump?: boolean;
  /**
   * What becomes of a rule of the preflight that breaks: jumps wait for an "anyway" (`ask`), it is told only (`tell`), or nothing is
   * judged (`off`).
   */
  preflight?: PreflightMode;
  /** Begin at a snapshot of this name, not with a boot. */
  snapshot?: string;
  qemu?: { path?: string; args?: string[]; accel?: 'tcg' | 'kvm' };
  /** Save kernel A to a file as soon as it runs its programs; by default without zero and free pages, and power off. */
  hibernate?: Pick<HibernateWish, 'path'> & Partial<HibernateWish>;
  /** Resume kernel A from a saved image: the machine boots a fresh kernel, which loads the file and jumps into kernel A. */
  resume?: string;
  /** How it puts the image's pages to their places; by default it copies them. */
  resumeBy?: ResumeWay;
  /** Debug a saved memory image, not a machine: its file, or the files of a split set. */
  core?: string | string[];
  /** Physical re-entry point of the kernel in `core`, should the file not tell (a number or "0x…"). */
  entry?: number | string;
}

/** Dump levels of makedumpfile that kernel A survives: what is left out is nothing, pages of zeros, free pages, both. */
export const HIBERNATION_LEVELS = [0, 1, 16, 17] as const;

/**
 * How kernel C resumes: it writes each page straight to its place, from inside the window (`copy`), or kexec_load copies the image
 * first, which takes twice the memory (`load`).
 */
export const RESUME_WAYS = ['copy', 'load'] as const;
export type ResumeWay = (typeof RESUME_WAYS)[number];

/** What comes after a save; suspended to RAM, the machine waits to be woken, and then kernel B jumps back. */
export const HIBERNATION_ENDS = ['stay', 'back', 'poweroff', 'suspend'] as const;
export type HibernationEnd = (typeof HIBERNATION_ENDS)[number];

/** How kernel A is to be saved. */
export interface HibernateWish {
  /** Of the file on this machine. */
  path: string;
  level: (typeof HIBERNATION_LEVELS)[number];
  /** What kernel B does then. */
  after: HibernationEnd;
}
