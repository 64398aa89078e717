/** What has happened in a session's jumps, with times of the machine: phases, and the calls of kernel_kexec() in them. */
import type { KexecCallEvent, LoggedPhase, PhaseEvent } from '../protocol.ts';
import type { KernelName } from './kernel.ts';
import type { PhaseName } from './phases.ts';
import { Stopwatch } from './stopwatch.ts';

export class JumpLog {
  /** Runs while the machine does. */
  readonly time = new Stopwatch();
  /** The phases that have begun, in their order. */
  readonly phases: (LoggedPhase & { calls: KexecCallEvent[] })[] = [];

  begin(phase: PhaseName, kernel: KernelName): PhaseEvent {
    const began = { phase, kernel, seconds: this.time.seconds, calls: [] };
    this.phases.push(began);
    return began;
  }

  beginCall(kernel: KernelName, name: string): KexecCallEvent {
    const call = { kernel, function: name, began: this.time.seconds };
    this.phases.at(-1)?.calls.push(call);
    return call;
  }

  /** @param error as returned, negative. */
  endCall(name: string, error: number | undefined): KexecCallEvent | undefined {
    const call = this.phases.at(-1)?.calls.findLast((one) => one.function === name);
    if (!call) return undefined;
    return Object.assign(call, { returned: this.time.seconds }, error === undefined ? {} : { error });
  }
}
