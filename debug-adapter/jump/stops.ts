/** What a user is told of a stop. */
import { text, type MiTuple } from '../gdb/mi.ts';
import { cpuOfStop } from '../gdb/threads.ts';
import type { KernelException } from './exceptions.ts';
import type { KernelName } from './kernel.ts';
import { isPhaseName } from './phases.ts';

/** Why and where the session stopped, for the user. */
export interface SessionStop {
  kernel: KernelName;
  /** The CPU that stopped. */
  cpu: number;
  reason: 'phase' | 'breakpoint' | 'step' | 'pause' | 'exception';
  description: string;
  /** gdb's number of the breakpoint, if one was hit. */
  breakpoint?: number;
  exception?: KernelException;
  /** gdb's stop record. */
  results: MiTuple;
}

/** What the session knows of a stop beyond gdb's record. */
export interface StopContext {
  /** What stopped the machine itself, a reset, a watchdog; or a call of kernel_kexec() that failed. */
  exception: KernelException | undefined;
  /** A phase, or a call of kernel_kexec(), that begins here and at which the user wants to stop. */
  chosen: string | undefined;
  /** A step over the jump ends here. */
  endsStep: boolean;
  pauseWanted: boolean;
}

/** The stop of a kernel in an exception. */
export const exceptionStop = (kernel: KernelName, results: MiTuple, exception: KernelException): SessionStop => ({
  kernel,
  cpu: cpuOfStop(results),
  reason: 'exception',
  description: exception.text,
  exception,
  results,
});

/** Describes a stop, or returns `undefined` when it is none of the user's: the machine goes on. */
export function describeStop(kernel: KernelName, results: MiTuple, context: StopContext): SessionStop | undefined {
  const stop = (reason: SessionStop['reason'], description: string): SessionStop => ({
    kernel,
    cpu: cpuOfStop(results),
    reason,
    description,
    results,
  });
  const reason = text(results['reason']);
  if (context.exception) return exceptionStop(kernel, results, context.exception);
  if (context.chosen !== undefined) return stop('phase', describeChosen(context.chosen));
  if (reason === 'breakpoint-hit') {
    return { ...stop('breakpoint', 'Paused on breakpoint'), breakpoint: Number(text(results['bkptno'])) };
  }
  if (reason.endsWith('watchpoint-trigger')) return stop('breakpoint', 'Paused on data breakpoint');
  if (/^(end-stepping-range|function-finished|location-reached)$/.test(reason) || context.endsStep) {
    return stop('step', 'Paused on step');
  }
  return context.pauseWanted ? stop('pause', 'Paused') : undefined;
}

/** By the names of `stopAt`: "leaving A", "A dpm_suspend_start". */
const describeChosen = (name: string): string => (isPhaseName(name) ? `Phase: ${name}` : `Before ${name.slice(2)}()`);
