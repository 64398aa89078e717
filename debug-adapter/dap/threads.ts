/** How kernels and their frames are numbered for a DAP client. */
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';

const FRAMES_A_THREAD = 10_000;

/** DAP's thread of a kernel. */
export const threadOf = (kernel: KernelName): number => KERNEL_NAMES.indexOf(kernel) + 1;

/** The kernel of a DAP thread; kernel A for a number that no kernel has. */
export const kernelOf = (thread: number): KernelName => KERNEL_NAMES[thread - 1] ?? 'A';

/** A frame: `level` 0 is the innermost. */
export interface FrameAddress {
  kernel: KernelName;
  level: number;
}

export const frameId = ({ kernel, level }: FrameAddress): number => threadOf(kernel) * FRAMES_A_THREAD + level;

export const frameOf = (id: number): FrameAddress => ({
  kernel: kernelOf(Math.floor(id / FRAMES_A_THREAD)),
  level: id % FRAMES_A_THREAD,
});

/** The frame that a request names, else the live kernel's innermost. */
export const frameOrLive = (id: number | undefined, live: KernelName): FrameAddress =>
  id === undefined ? { kernel: live, level: 0 } : frameOf(id);

/** MI's options that pick a frame; each gdb has one thread. */
export const miFrame = (level: number): string => `--thread 1 --frame ${level}`;
