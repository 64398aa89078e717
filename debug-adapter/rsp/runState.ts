/** What the router is told and tells: stops, ways to go on, dormant kernels, and who owns a breakpoint beside the kernels. */
import type { Owner } from './breakpoints.ts';

/** Owner of the breakpoints by which the jump is followed. */
export const TRACKER: Owner = 'tracker';

/** Owner of the breakpoint behind a repeated instruction that is stepped as one. */
export const REPEAT: Owner = 'repeat';

/** Owner of the breakpoints at which a run without gdb ends. */
export const RUN: Owner = 'run';

/** How a dormant kernel looks: registers of the CPU on which it left as a `g` packet, memory by virtual address. */
export interface DormantView {
  registers(): Promise<Buffer>;
  read(address: number, length: number): Promise<Buffer | undefined>;
}

/** What the machine did: the stop reply's signal, and where. */
export interface MachineStop {
  /** GDB's number of the signal: 5 a breakpoint or step, 2 asked for, 3 the machine is dead (triple fault). */
  signal: number;
  /** The whole stop reply, which names a watchpoint if one was hit. */
  packet: string;
  /** The CPU that stopped, and where. */
  cpu: number;
  pc: number;
  registers: Buffer;
}

/** A gdb's side of the router: told when its kernel stops or goes dormant. */
export interface StopListener {
  /** Whether the gdb let its kernel go on, and waits for it to stop. */
  readonly isWaiting: boolean;
  stopped(stopReply: string): void;
  /** A stop of a run without this gdb that only it can judge: it gets it when it lets its kernel go on. */
  missed(stopReply: string): void;
}

/**
 * What becomes of a stop at a tracker breakpoint: `resume` continues unseen by gdb, `stop` is reported to the live
 * kernel's gdb, `hold` keeps the machine until a gdb resumes it (the CPU went to another kernel).
 */
export type TrackerOutcome = 'resume' | 'stop' | 'hold';

/** Looks at each stop at a tracker breakpoint while the machine is held. */
export type TrackerHandler = (stop: MachineStop) => Promise<TrackerOutcome>;

/** Addresses to step through as one: `end` is exclusive. */
export interface StepRange {
  start: number;
  end: number;
}

/** How the machine goes on: freely, by one instruction, or by instructions as long as they lie in a range. */
export type Resumption = 'continue' | 'step' | StepRange;

/** Where a run without gdb ends: at instructions, in the frame that was meant; or behind an access to a word of memory. */
export interface RunEnd {
  addresses: readonly number[];
  /** Address of the word, as the CPU has it. */
  watched?: number;
  /** Whether registers (a `g` packet) at one of the addresses are those of the frame: other tasks come by as well. */
  isThere(registers: Buffer, pc: number): boolean;
}
