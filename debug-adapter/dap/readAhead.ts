/** What a client will ask for next is asked of gdb while the client works on what it got: a stop is painted in fixed steps. */
import type { MiTuple } from '../gdb/mi.ts';
import { threadOption } from '../gdb/threads.ts';
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';
import { miFrame, type FrameAddress, type KernelCpu } from './threads.ts';

/** As many frames as VS Code shows at first. */
const SHOWN_AT_FIRST = 20;

/** MI's command for a part of a CPU's stack, the innermost frame that a user sees being 0. */
export const stackOf = (session: JumpSession, { kernel, cpu }: KernelCpu, first: number, last: number): string => {
  const hidden = session.run.hiddenFrames(kernel, cpu);
  return `-stack-list-frames ${threadOption(cpu)} ${first + hidden} ${last + hidden}`;
};

/** MI's command for the arguments and locals of a frame. */
export const variablesOf = (frame: Pick<FrameAddress, 'cpu' | 'level'>): string =>
  `-stack-list-variables ${miFrame(frame)} --simple-values`;

export class ReadAhead {
  private readonly begun: Record<KernelName, Map<string, Promise<MiTuple>>> = { A: new Map(), B: new Map() };
  /** Whether the stop before was painted: then this one will be, too. */
  private wasPainted = false;

  constructor(private readonly session: JumpSession) {
    session.on('continued', () => {
      this.forget();
    });
    session.on('stopped', (stop) => {
      if (this.wasPainted) this.beginStop(stop);
      this.wasPainted = false;
    });
  }

  /** A client that asks for the threads asks for the stack of the kernel that stopped next. */
  paints(): void {
    const { session } = this;
    this.wasPainted = true;
    if (session.run.isStopped) this.beginStop({ kernel: session.live, cpu: session.router.stoppedCpu });
  }

  /** The stack, and the variables of its first frame. */
  private beginStop({ kernel, cpu }: KernelCpu): void {
    this.begin(kernel, stackOf(this.session, { kernel, cpu }, 0, SHOWN_AT_FIRST - 1));
    this.begin(kernel, variablesOf({ cpu, level: this.session.run.hiddenFrames(kernel, cpu) }));
  }

  /** A kernel goes on, or a client asks for something by which values may change. */
  forget(): void {
    for (const kernel of KERNEL_NAMES) this.begun[kernel].clear();
  }

  /** Asks a stopped kernel's gdb something whose answer is taken later, if it still stands then. */
  private begin(kernel: KernelName, command: string): void {
    const gdb = this.session.gdbs[kernel];
    if (gdb.isRunning || this.begun[kernel].has(command)) return;
    const answer = gdb.command(command);
    // Whoever takes it hears of a failure.
    answer.catch(() => undefined);
    this.begun[kernel].set(command, answer);
  }

  /** The answer to a command, begun before or now. It is given once: what is asked again may have changed. */
  async take(kernel: KernelName, command: string): Promise<MiTuple> {
    const begun = this.begun[kernel].get(command);
    this.begun[kernel].delete(command);
    return begun ?? this.session.gdbs[kernel].command(command);
  }
}
