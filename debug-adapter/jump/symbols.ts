/** Gives each kernel's gdb the symbols of what it runs, where it runs. */
import { loadedSections } from '../../vmcore-viewer/core/relocatable.ts';
import type { ResolvedConfiguration } from '../configuration.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import type { KexecSegment, Kernel, KernelName } from './kernel.ts';
import type { JumpTracker } from './tracker.ts';

export class Symbols {
  /** What is to be loaded at the stop that comes next: gdb takes symbols only then. */
  private due: (() => Promise<void>)[] = [];

  constructor(
    private readonly configuration: ResolvedConfiguration,
    private readonly gdbs: Readonly<Record<KernelName, KernelGdb>>,
  ) {}

  /** Remembers from now on what the tracker finds. */
  follow(tracker: JumpTracker): void {
    tracker.on('located', (kernel) => {
      this.due.push(async () => this.ofKernel(kernel));
    });
    tracker.on('controlPage', (kernel) => {
      this.due.push(async () => this.ofControlPage(kernel));
    });
    tracker.on('purgatory', (kernel, segment) => {
      this.due.push(async () => this.ofPurgatory(kernel, segment));
    });
  }

  /** Loads what is due. @returns whether anything was. */
  async catchUp(): Promise<boolean> {
    const { due } = this;
    this.forget();
    for (const load of due) await load();
    return due.length > 0;
  }

  /** The machine went to another time: nothing is due. */
  forget(): void {
    this.due = [];
  }

  /** A kernel's base was found. Its gdb must be stopped, as for all of these. */
  async ofKernel(kernel: Kernel): Promise<void> {
    const gdb = this.gdbs[kernel.name];
    const { offset } = kernel.boot;
    if (offset) await gdb.relocateSymbols(this.configuration.kernels[kernel.name].vmlinux, offset);
    await gdb.setExceptionReturn(kernel.exceptionReturn);
  }

  /** The control page's code runs at its virtual address, and from the CR3 load on at its physical one. */
  async ofControlPage(kernel: Kernel): Promise<void> {
    const { relocateObject } = this.configuration.kernels[kernel.name];
    const { virtual, physical } = kernel.boot.controlPage ?? {};
    for (const address of [virtual, physical]) {
      if (address !== undefined) await this.gdbs[kernel.name].addControlPageSymbols(relocateObject, address);
    }
  }

  /** Purgatory is our own kexec's; that of a machine of the user's is not known. */
  private async ofPurgatory(kernel: Kernel, { address }: KexecSegment): Promise<void> {
    const { purgatory } = this.configuration.kernels[kernel.name];
    if (purgatory === undefined || this.configuration.machine.kind !== 'launch') return;
    await this.gdbs[kernel.name].addRelocatableSymbols(purgatory, loadedSections(purgatory, address));
  }
}
