/** Exceptions at which a kernel stops, as breakpoints on the functions that every oops and every panic goes through. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { ExceptionKind } from '../jump/exceptions.ts';

interface Filter {
  kind: ExceptionKind;
  label: string;
  description: string;
  /** Called when the kernel has printed what happened, with the stack as it was. */
  function: string;
}

/** Source: arch/x86/kernel/dumpstack.c, oops_end(); kernel/panic.c, panic(), which calls __crash_kexec(). */
const FILTERS: readonly Filter[] = [
  {
    kind: 'oops',
    label: 'Oops',
    description: 'A kernel met an exception that it has no handler for: a bad pointer, BUG(), an invalid opcode.',
    function: 'oops_end',
  },
  { kind: 'panic', label: 'Panic', description: 'A kernel gave up.', function: '__crash_kexec' },
];

/** Not a function, but what the tracker sees. */
const FAILED_JUMP: DebugProtocol.ExceptionBreakpointsFilter = {
  filter: 'failed-jump',
  label: 'Failed Jump',
  description: 'A call in kernel_kexec() failed, and what was done before is undone: no jump happens.',
  default: true,
};

/** As a client offers them. Triple faults and watchdogs always stop: nothing could go on behind them. */
export const EXCEPTION_FILTERS: readonly DebugProtocol.ExceptionBreakpointsFilter[] = [
  ...FILTERS.map(({ kind, label, description }) => ({ filter: kind, label, description, default: true })),
  FAILED_JUMP,
];

export const isFailedJump = (id: string): boolean => id === FAILED_JUMP.filter;

export const exceptionFilter = (id: string): Filter | undefined => FILTERS.find(({ kind }) => kind === id);
