/** The kernels that are off the CPU, each as it left: kept true whatever pages are swapped by others since. */
import { isDeepStrictEqual } from 'node:util';
import { readSavedState, type SavedState } from '../../vmcore-viewer/core/controlPage.ts';
import { walkPageList, type BrokenEntry, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import type { Router } from '../rsp/router.ts';
import { DormantKernel } from './dormantKernel.ts';
import { KERNEL_NAMES, type Kernel, type KernelName } from './kernel.ts';
import type { MachineMemory } from './machineMemory.ts';

/** What a kernel leaves by: what it has put into its control page, and the list that it names. */
export interface Departure {
  saved: SavedState;
  list: PageList;
  /** The word at which the list does not decode. */
  broken?: BrokenEntry | undefined;
}

export class DormantViews {
  private readonly views = new Map<KernelName, DormantKernel>();

  constructor(
    private readonly router: Router,
    private readonly memory: MachineMemory,
  ) {}

  /** @returns `undefined` when the control page is not in memory. */
  async departureOf(kernel: Kernel): Promise<Departure | undefined> {
    return this.memory.settle(() => {
      const saved = readSavedState(this.memory, kernel.boot.controlPage!.physical, kernel.controlCode);
      return saved && { saved, ...walkPageList(this.memory, saved.head) };
    });
  }

  /** A kernel has left. Of a broken list what comes before its fault: that was exchanged, and the jump goes on. */
  left(kernel: Kernel, departure: Departure): void {
    const list = asBefore(kernel.boot.departedList, departure.list);
    this.swapped(list);
    kernel.boot.departedList = list;
    this.show(kernel.name, this.viewOf(departure.saved, list));
  }

  /** A kernel is in memory that was in a file: from now on it is looked at there. */
  async isInMemory(kernel: Kernel): Promise<void> {
    const departure = await this.departureOf(kernel);
    if (departure) this.show(kernel.name, this.viewOf(departure.saved, kernel.boot.departedList!));
  }

  /** A kernel is back, and its pages are where they were. */
  isBack(kernel: Kernel): void {
    this.forget(kernel.name);
    this.swapped(kernel.boot.departedList!);
  }

  /** Another kernel takes the place of one. */
  forget(name: KernelName): void {
    this.views.delete(name);
  }

  /** The views as they are; what is swapped from now on does not change them. */
  copy(): Map<KernelName, DormantKernel> {
    return new Map([...this.views].map(([name, view]) => [name, view.copy()]));
  }

  /** Goes back to what `copy()` returned. */
  restore(views: ReadonlyMap<KernelName, DormantKernel>): void {
    for (const name of KERNEL_NAMES) this.show(name, views.get(name)?.copy());
  }

  private show(name: KernelName, view: DormantKernel | undefined): void {
    if (view) this.views.set(name, view);
    else this.views.delete(name);
    this.router.setDormantView(name, view);
  }

  private swapped(list: PageList): void {
    for (const view of this.views.values()) view.swapped(list);
  }

  private viewOf(saved: SavedState, list: PageList): DormantKernel {
    return new DormantKernel(this.memory, this.router.layout, saved, [list]);
  }
}

/** The same object for the same list, so that two swaps of it are seen to cancel each other. */
function asBefore(before: PageList | undefined, now: PageList): PageList {
  return before && isDeepStrictEqual(before, now) ? before : now;
}
