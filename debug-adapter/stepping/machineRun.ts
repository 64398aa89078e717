/** A run of the machine without the live kernel's gdb, which joins when it takes long or has to judge a stop. */
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { threadField } from '../gdb/threads.ts';
import type { Router } from '../rsp/router.ts';
import type { RunEnd } from '../rsp/runState.ts';

/** After this time gdb joins a run: it knows then that its kernel runs. */
const LONG_RUN_MS = 50;

export class MachineRun {
  /** Whether gdb had joined the run that came to its end. */
  joined = false;
  private arrived: (() => void) | undefined;
  private longRun: NodeJS.Timeout | undefined;

  /** @param fail is told of what goes wrong once the machine runs. */
  constructor(
    private readonly gdb: KernelGdb,
    private readonly router: Router,
    private readonly fail: (error: unknown) => void,
  ) {}

  /**
   * Lets the machine run to an end, or a CPU execute an instruction; `then` looks at it there. Resolves when the machine was
   * told.
   */
  async to(end: RunEnd | 'step', cpu: number, then: () => Promise<void>): Promise<void> {
    this.joined = false;
    this.gdb.beginRun(() => {
      this.router.interrupt();
    });
    // An interrupt at the moment of an access would take the access from QEMU's answer; in the swap it is never far.
    if (end === 'step' || end.watched === undefined) {
      this.longRun = setTimeout(() => {
        this.router.interrupt();
      }, LONG_RUN_MS);
    }
    this.arrived = () => {
      clearTimeout(this.longRun);
      this.arrived = undefined;
      then().catch((error: unknown) => {
        this.fail(error);
        // Where it stands is where the user can go on from.
        if (!this.router.isRunning) this.end(0);
      });
    };
    try {
      await this.router.runTo(end, cpu, this.arrived);
    } catch (error) {
      this.cancel();
      this.gdb.takeOver();
      throw error;
    }
  }

  /** gdb had joined, and stopped where the run ends. */
  arrivedWithGdb(): void {
    this.joined = true;
    this.arrived?.();
  }

  /** The user is told that a step has ended, at an address. */
  end(pc: number): void {
    const frame = { addr: `0x${pc.toString(16)}` };
    this.gdb.endRun({ reason: 'end-stepping-range', frame, ...threadField(this.router.stoppedCpu) });
  }

  /** The user is told of another stop. */
  cancel(): void {
    clearTimeout(this.longRun);
    this.arrived = undefined;
    this.router.endRun();
  }
}
