/** Where a session stops by itself: phases, and calls of kernel_kexec(). Chosen by the configuration, changed at any time. */
import { invalidConfiguration, noSuchStop } from '../errors.ts';
import type { StopOffer } from '../protocol.ts';
import { KERNEL_NAMES, type Kernel, type KernelName } from './kernel.ts';
import type { KexecCall } from './kexecCode.ts';
import { PHASE_MEANING, PHASES } from './phases.ts';

/** The name of a call as a place to stop at: "A dpm_suspend_start". */
export const callStop = (kernel: KernelName, call: Pick<KexecCall, 'function'>): string => `${kernel} ${call.function}`;

const CALL_STOP = /^([AB]) [A-Za-z_]\w*$/;

/** Whether a text can be such a name. */
export const isCallStop = (name: string): boolean => CALL_STOP.test(name);

/** Why a name is none of a place to stop at. @param calls what the kernel's kernel_kexec() calls, once that is known. */
export function unknownStop(name: string, calls: readonly KexecCall[] = []): string {
  return calls.length > 0
    ? `"${name}" is none of the calls of kernel_kexec(), which are ${calls.map((call) => call.function).join(', ')}`
    : `"${name}" is no phase, and no call of kernel_kexec() such as "A dpm_suspend_start"; phases are ${PHASES.join(', ')}`;
}

export class StopChoice {
  private readonly chosen: Set<string>;

  /** @throws UserFacingError `invalid-configuration` for a call that the kernel does not make. */
  constructor(
    wanted: Iterable<string>,
    private readonly kernels: Readonly<Record<KernelName, Kernel>>,
  ) {
    this.chosen = new Set(wanted);
    for (const name of this.chosen) {
      const problem = this.problemWith(name);
      if (problem !== undefined) throw invalidConfiguration('stopAt', problem);
    }
  }

  has(name: string): boolean {
    return this.chosen.has(name);
  }

  /** @throws UserFacingError `no-such-stop`. */
  set(name: string, on: boolean): void {
    const problem = this.problemWith(name);
    if (problem !== undefined) throw noSuchStop(problem);
    if (on) this.chosen.add(name);
    else this.chosen.delete(name);
  }

  /** All there is, in the order of a jump there and back. */
  offers(): StopOffer[] {
    return PHASES.map((phase) => ({
      ...{ name: phase, meaning: PHASE_MEANING[phase], isOn: this.has(phase) },
      calls: KERNEL_NAMES.flatMap((kernel) =>
        this.kernels[kernel].kexecCode.calls
          .filter((call) => phase === `${kernel} ${call.isWayBack ? 'resuming' : 'quiescing'}`)
          .map((call) => {
            const name = callStop(kernel, call);
            const meaning = `kernel_kexec() of kernel ${kernel} calls it in line ${call.line}`;
            return { name, meaning, isOn: this.has(name), function: call.function };
          }),
      ),
    }));
  }

  private problemWith(name: string): string | undefined {
    if ((PHASES as readonly string[]).includes(name)) return undefined;
    const [, kernel] = CALL_STOP.exec(name) ?? [];
    const { calls } = kernel === undefined ? { calls: [] } : this.kernels[kernel as KernelName].kexecCode;
    return calls.some((call) => callStop(kernel as KernelName, call) === name) ? undefined : unknownStop(name, calls);
  }
}
