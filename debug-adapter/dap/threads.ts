/** How CPUs of kernels, and their frames, are numbered for a DAP client. */
import { threadOption } from '../gdb/threads.ts';
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';

/** Threads 1 and 2 are the first CPU of kernels A and B, 11 and 12 the second one, and so on. */
const THREADS_A_CPU = 10;
const FRAMES_A_THREAD = 10_000;

/** A CPU as a kernel has it. */
export interface KernelCpu {
  kernel: KernelName;
  cpu: number;
}

/** DAP's thread of a kernel's CPU. */
export const threadOf = ({ kernel, cpu }: KernelCpu): number => KERNEL_NAMES.indexOf(kernel) + 1 + THREADS_A_CPU * cpu;

/** What a DAP thread stands for; kernel A for a number that no kernel has. */
export const cpuOf = (thread: number): KernelCpu => ({
  kernel: KERNEL_NAMES[(thread % THREADS_A_CPU) - 1] ?? 'A',
  cpu: Math.floor(thread / THREADS_A_CPU),
});

/** The kernel of a DAP thread. */
export const kernelOf = (thread: number): KernelName => cpuOf(thread).kernel;

/** A frame: `level` 0 is the innermost. */
export interface FrameAddress extends KernelCpu {
  level: number;
}

export const frameId = (frame: FrameAddress): number => threadOf(frame) * FRAMES_A_THREAD + frame.level;

export const frameOf = (id: number): FrameAddress => ({
  ...cpuOf(Math.floor(id / FRAMES_A_THREAD)),
  level: id % FRAMES_A_THREAD,
});

/** Where a session stands: its live kernel, and the CPU that stopped. */
interface Standing {
  readonly live: KernelName;
  readonly router: { readonly stoppedCpu: number };
}

/** The frame that a request names, else the innermost of the CPU that stopped. */
export const frameOrLive = (id: number | undefined, { live, router }: Standing): FrameAddress =>
  id === undefined ? { kernel: live, cpu: router.stoppedCpu, level: 0 } : frameOf(id);

/** MI's options that pick a frame. */
export const miFrame = ({ cpu, level }: Pick<FrameAddress, 'cpu' | 'level'>): string =>
  `${threadOption(cpu)} --frame ${level}`;
