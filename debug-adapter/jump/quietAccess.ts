/** Asks a gdb what it only answers while it is stopped; a running one is stopped for the moment, unseen by the user. */
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { text, type MiTuple } from '../gdb/mi.ts';
import type { KernelName } from './kernel.ts';

export class QuietAccess {
  /** Kernels whose gdb is stopped for the moment. */
  private readonly interrupted = new Set<KernelName>();
  /** One piece of work at a time. */
  private queue: Promise<unknown> = Promise.resolve();
  /** What a stopped gdb is asked right now; it cannot go on before. */
  private readonly inUse: Record<KernelName, Promise<unknown> | undefined> = { A: undefined, B: undefined };

  constructor(
    private readonly gdbs: Readonly<Record<KernelName, KernelGdb>>,
    private readonly hooks: {
      /** May refuse, by what it throws. */
      beforeInterrupt(kernel: KernelName): void;
      /** Is told of a stop that came instead of the one for the moment. */
      onOtherStop(kernel: KernelName, stop: MiTuple): Promise<void>;
    },
  ) {}

  /** Whether a stop of a kernel's gdb is none of the user's. */
  isInterrupting(kernel: KernelName): boolean {
    return this.interrupted.has(kernel);
  }

  /** Stops a kernel's gdb unseen, and leaves it stopped. @returns the stop that came; `undefined` if it was stopped. */
  async interrupt(kernel: KernelName): Promise<MiTuple | undefined> {
    if (this.gdbs[kernel].isRunning) this.hooks.beforeInterrupt(kernel);
    this.interrupted.add(kernel);
    try {
      return await this.gdbs[kernel].interrupt();
    } finally {
      this.interrupted.delete(kernel);
    }
  }

  /** Runs something that a kernel's gdb only does while it is stopped, such as setting a breakpoint. */
  async whileStopped<T>(kernel: KernelName, action: (gdb: KernelGdb) => Promise<T>): Promise<T> {
    const work = this.queue.then(async () => this.run(kernel, action));
    this.queue = work.catch(() => undefined);
    return work;
  }

  /** Waits until nothing is asked of a stopped gdb, so that it can go on. */
  async untilUnused(kernel: KernelName): Promise<void> {
    while (this.inUse[kernel]) await this.inUse[kernel];
  }

  private async run<T>(kernel: KernelName, action: (gdb: KernelGdb) => Promise<T>): Promise<T> {
    const gdb = this.gdbs[kernel];
    if (!gdb.isRunning) return this.use(kernel, action);
    const stop = await this.interrupt(kernel);
    try {
      return await this.use(kernel, action);
    } finally {
      if (stop && text(stop['signal-name']) !== 'SIGINT') await this.hooks.onOtherStop(kernel, stop);
      else await gdb.execute('-exec-continue');
    }
  }

  private async use<T>(kernel: KernelName, action: (gdb: KernelGdb) => Promise<T>): Promise<T> {
    const work = action(this.gdbs[kernel]);
    const ended = work.catch(() => undefined).then(() => (this.inUse[kernel] = undefined));
    this.inUse[kernel] = ended;
    return work.finally(async () => ended);
  }
}
