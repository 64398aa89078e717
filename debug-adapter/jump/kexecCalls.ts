/** Follows kernel_kexec() from call to call by breakpoints, and sees one fail and where it is unwound from. */
import { KernelGdb } from '../gdb/kernelGdb.ts';
import type { MiTuple } from '../gdb/mi.ts';
import type { MachineStop, TrackerOutcome } from '../rsp/runState.ts';
import type { KernelException } from './exceptions.ts';
import type { Kernel } from './kernel.ts';
import { describeError, errorIn, JUMPING_FUNCTION, type KexecCall, type UnwindLabel } from './kexecCode.ts';
import type { Place } from './places.ts';

/** A call of kernel_kexec() that failed: the machine is held where it begins to unwind. */
export interface FailedCall {
  kernel: Kernel;
  call: KexecCall;
  /** Negative. */
  error: number;
  /** From the one that it goes to, in the order in which they are passed. */
  labels: readonly UnwindLabel[];
}

/** A failed call as an exception of the kernel. @param stop gdb's record of the stop where kernel_kexec() unwinds. */
export function failureException(failure: FailedCall, stop: MiTuple): KernelException {
  const { file } = KernelGdb.location(stop);
  return { text: describeFailure(failure), ...(file ? { source: { path: file, line: failure.call.line } } : {}) };
}

/** Says what failed, and what is done about it. */
export function describeFailure({ kernel, call, error, labels }: FailedCall): string {
  const way = labels.map(({ name, calls }) => (calls.length > 0 ? `${name} (${calls.join(', ')})` : name));
  return (
    `Kernel ${kernel.name} does not jump: ${call.function}() returned ${describeError(error)}, ` +
    `and ${JUMPING_FUNCTION}() unwinds from ${way.join(', then ')}`
  );
}

/** What follows the calls of a kernel. The machine is held at each. */
export interface CallWatcher {
  /** %eax, in which a function has left what it returns. */
  result(stop: MachineStop): number;
  begins(kernel: Kernel, call: KexecCall): TrackerOutcome;
  /** @param error what it returned, if that is a negative error number. */
  ends(kernel: Kernel, call: KexecCall, error: number | undefined): void;
  fails(failure: FailedCall): TrackerOutcome;
}

/** The places of the calls in a running kernel. A call may begin where another one ends, or at a label. */
export function callPlaces(kernel: Kernel, watcher: CallWatcher): Place[] {
  const { calls, labels } = kernel.kexecCode;
  let failed: Pick<FailedCall, 'call' | 'error'> | undefined;
  const parts = new Map<number, ((stop: MachineStop) => TrackerOutcome)[]>();
  const at = (linked: number, part: (stop: MachineStop) => TrackerOutcome): void => {
    const address = linked + (kernel.boot.offset ?? 0);
    parts.set(address, [...(parts.get(address) ?? []), part]);
  };
  for (const call of calls) {
    at(call.behind, (stop) => {
      const error = call.canFail ? errorIn(watcher.result(stop)) : undefined;
      watcher.ends(kernel, call, error);
      if (error !== undefined && !call.isWayBack) failed = { call, error };
      return 'resume';
    });
  }
  // Which label is gone to is seen, not guessed: the first one behind the failure.
  for (const [index, label] of labels.entries()) {
    at(label.at, () => {
      if (!failed) return 'resume';
      const failure = { kernel, ...failed, labels: labels.slice(index) };
      failed = undefined;
      return watcher.fails(failure);
    });
  }
  for (const call of calls) at(call.at, () => watcher.begins(kernel, call));
  return [...parts].map(([address, all]) => [
    address,
    (stop) => (all.map((part) => part(stop)).includes('stop') ? 'stop' : 'resume'),
  ]);
}
