/** What a user is told of a stop. */
import { text, type MiTuple } from '../gdb/mi.ts';
import type { KernelName } from './kernel.ts';
import type { PhaseName } from './phases.ts';

/** Why and where the session stopped, for the user. */
export interface SessionStop {
  kernel: KernelName;
  reason: 'phase' | 'breakpoint' | 'step' | 'pause' | 'exception';
  description: string;
  /** gdb's number of the breakpoint, if one was hit. */
  breakpoint?: number;
  /** gdb's stop record. */
  results: MiTuple;
}

/** What the session knows of a stop beyond gdb's record. */
export interface StopContext {
  /** What is known of an exception: a panic's text, or why the machine was reset. */
  exception: string | undefined;
  /** A phase that began here and is to be reported. */
  phase: PhaseName | undefined;
  /** A step over the jump ends here. */
  endsStep: boolean;
  pauseWanted: boolean;
}

/** QEMU's gdbstub reports a shut-down machine as SIGQUIT (3). Source: QEMU gdbstub.c, gdb_vm_state_change. */
export const isReset = (results: MiTuple): boolean => text(results['signal-name']) === 'SIGQUIT';

/** Describes a stop, or returns `undefined` when it is none of the user's: the machine goes on. */
export function describeStop(kernel: KernelName, results: MiTuple, context: StopContext): SessionStop | undefined {
  const stop = (reason: SessionStop['reason'], description: string): SessionStop => ({
    kernel,
    reason,
    description,
    results,
  });
  const reason = text(results['reason']);
  if (context.exception !== undefined) return stop('exception', context.exception);
  if (context.phase) return stop('phase', `Phase: ${context.phase}`);
  if (reason === 'breakpoint-hit') {
    return { ...stop('breakpoint', 'Paused on breakpoint'), breakpoint: Number(text(results['bkptno'])) };
  }
  if (reason.endsWith('watchpoint-trigger')) return stop('breakpoint', 'Paused on data breakpoint');
  if (/^(end-stepping-range|function-finished|location-reached)$/.test(reason) || context.endsStep) {
    return stop('step', 'Paused on step');
  }
  return context.pauseWanted ? stop('pause', 'Paused') : undefined;
}
