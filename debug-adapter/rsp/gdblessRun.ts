/** A run of the machine without the live kernel's gdb, as long as nothing happens that only gdb can judge. */
import type { Breakpoint } from './breakpoints.ts';
import type { RegisterLayout } from './registers.ts';
import type { RunEnd } from './runState.ts';

export class GdblessRun {
  /**
   * @param end where it ends; `step` is an instruction.
   * @param cpu that is stepped, or on which the run begins.
   * @param arrived hears of the end.
   */
  constructor(
    private readonly end: RunEnd | 'step',
    readonly cpu: number,
    readonly arrived: () => void,
  ) {}

  get isStep(): boolean {
    return this.end === 'step';
  }

  /** What the machine has to stop at. */
  get breakpoints(): Breakpoint[] {
    if (this.end === 'step') return [];
    const { addresses, watched } = this.end;
    const stops = addresses.map((address): Breakpoint => ({ kind: 1, address, length: 1 }));
    return watched === undefined ? stops : [...stops, { kind: 4, address: watched, length: 4 }];
  }

  /** Whether it ends behind an access to an address. */
  watches(address: number | undefined): boolean {
    return address !== undefined && this.end !== 'step' && address === this.end.watched;
  }

  /**
   * Whether it ends where a CPU stopped. An instruction is one of a CPU. A way through the code is that of a task, which its
   * frame tells: where it slept on the way it may have been moved to another CPU.
   */
  endsAt(cpu: number, registers: Buffer, layout: RegisterLayout): boolean {
    if (this.end === 'step') return cpu === this.cpu;
    const pc = layout.get(registers, 'eip');
    return this.end.addresses.includes(pc) && this.end.isThere(registers, pc);
  }
}
