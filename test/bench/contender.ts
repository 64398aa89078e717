/** What the bench asks of each debugger, so that all of them do the same work at the same places. */

/** Columns of the table. */
export const CONTENDER_NAMES = ['plain gdb', 'ours', 'npm adapter'] as const;
export type ContenderName = (typeof CONTENDER_NAMES)[number];

/** An instruction, a line and into what it calls, a line and over what it calls. */
export type StepKind = 'instruction' | 'line into' | 'line over';

/** How much a client got to paint at a stop: a contender that paints less has not done the same work. */
export interface PaintedStop {
  frames: number;
  variables: number;
}

/** Frames that a client asks for at a stop. */
export const PAINTED_FRAMES = 20;

/** A debugger with a machine of its own, which stands before its first instruction at the start. */
export interface Contender {
  readonly name: ContenderName;
  /** Runs until a kernel function is entered; leaves no breakpoint there. */
  runTo(functionName: string): Promise<void>;
  /** Steps, and resolves as soon as the stop is heard of. */
  step(kind: StepKind): Promise<void>;
  /** The program counter of the stopped machine. */
  programCounter(): Promise<number>;
  /** Asks everything that a client shows at a stop: threads, stack, variables of the innermost frame. */
  paint(): Promise<PaintedStop>;
  /** Reads memory; `address` is virtual, `length` in bytes. */
  readMemory(address: number, length: number): Promise<Buffer>;
  /** Ends the debugger and its machine. Safe to call more than once. */
  end(): Promise<void>;
}
