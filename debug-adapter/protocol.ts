/**
 * What the debug adapter and its clients say to each other beyond the Debug Adapter Protocol, and the launch
 * configuration. The extension imports only this file from the adapter.
 */
import type { WindowSetting } from '../qemu-runner/window.ts';
import type { KernelName } from './jump/kernel.ts';
import type { PhaseName } from './jump/phases.ts';

export type { KernelName, PhaseName, WindowSetting };
export { DEFAULT_STOPS, PHASES, PHASE_MEANING } from './jump/phases.ts';

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

/** A launch configuration, `"type": "kexec-jump", "request": "launch"`. Everything has a default. */
export interface LaunchConfiguration {
  kernelA?: KernelConfiguration;
  kernelB?: KernelConfiguration;
  /** Physical memory that kernel B gets: by name or by its first and last byte (numbers or "0x…"). */
  window?: WindowSetting | { min: number | string; max: number | string };
  /** The machine's memory in MiB. */
  memory?: number;
  /** Phases at which the session stops. */
  stopAt?: PhaseName[];
  /** Load kernel B and jump as soon as kernel A is up. */
  autoJump?: boolean;
  qemu?: { path?: string; args?: string[]; accel?: 'tcg' | 'kvm' };
  gdb?: { path?: string; setup?: string[] };
  /** Write every message of gdb and the stubs to the log. */
  trace?: boolean;
}

/** Requests beyond DAP: name, arguments, body of the response. */
export interface CustomRequests {
  /** Kernel A loads kernel B if it is not loaded, and jumps into it. Answered when the jump began. */
  'kexecJump/jump': { arguments: Record<string, never>; body: Record<string, never> };
  /** Kernel B jumps back into kernel A. Answered when the jump began. */
  'kexecJump/jumpBack': { arguments: Record<string, never>; body: Record<string, never> };
  /** Sends one request to the guest agent of the live kernel; `text` is its answer. */
  'kexecJump/agent': { arguments: { verb: string; argument?: string; seconds?: number }; body: { text: string } };
}

/** Events beyond DAP: name and body. */
export interface CustomEvents {
  /** A phase of the jump began. */
  'kexecJump/phase': PhaseEvent;
  /** Where the consoles can be joined: unix sockets that first send what was printed so far. */
  'kexecJump/consoles': { A: string; B: string; qemu: string };
  /** What a user can do now changed. */
  'kexecJump/state': JumpState;
}

export interface PhaseEvent {
  phase: PhaseName;
  /** The kernel on the CPU. */
  kernel: KernelName;
  /** Seconds since the machine started, of its running time. */
  seconds: number;
}

export interface JumpState {
  live: KernelName;
  phase: PhaseName | '';
  running: boolean;
  /** Kernel A's agent answers, so "Kexec Jump" makes sense. */
  canJump: boolean;
  /** Kernel B's agent answers, so "Kexec Jump Back" makes sense. */
  canJumpBack: boolean;
}
