/** How far a swap of pages has come while the machine runs through it, without stopping it: by what its pages hold. */
import type { AuditMoment } from '../../vmcore-viewer/core/auditStages.ts';
import { walkPageList, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import { SwapFingerprint, type SwapProgress } from '../../vmcore-viewer/core/swapFingerprint.ts';
import { readSavedState } from '../../vmcore-viewer/core/controlPage.ts';
import type { Kernel, KernelName } from './kernel.ts';
import { RamFileMemory, type MachineMemory } from './machineMemory.ts';
import type { Observed } from './memento.ts';
import type { JumpTracker } from './tracker.ts';

/** A swap that has begun, and what its pages held then. It goes back in time with the tracker. */
export interface SwapStart {
  readonly kernel: KernelName;
  /** Whether the kernel gets its pages back. */
  readonly isReturn: boolean;
  readonly list: PageList;
  /** Physical address. */
  readonly swapPage: number;
  readonly fingerprint: SwapFingerprint;
}

export class SwapWatch {
  /** What was told last, and since which moment. */
  private last: { since: Observed; exchanged: number } | undefined;

  constructor(
    private readonly tracker: JumpTracker,
    private readonly memory: MachineMemory,
  ) {
    if (memory instanceof RamFileMemory) tracker.on('moment', this.onMoment);
  }

  /** The swap that is under way; the machine may run. What was told done stays so, until it goes back in time. */
  get now(): (SwapStart & SwapProgress) | undefined {
    const since = this.tracker.observed;
    if (!since.swap) return undefined;
    const { exchanged, atMost } = since.swap.fingerprint.progress(this.memory);
    const before = this.last?.since === since ? this.last.exchanged : 0;
    this.last = { since, exchanged: Math.max(exchanged, before) };
    return { ...since.swap, exchanged: this.last.exchanged, atMost: Math.max(atMost, before) };
  }

  private readonly onMoment = (moment: AuditMoment, kernel: Kernel): void => {
    const begins = moment === 'swapBegins' || moment === 'swapsBack';
    const swap = begins ? this.startOf(kernel, moment === 'swapsBack') : undefined;
    this.tracker.observed = { ...this.tracker.observed, swap };
  };

  /** A list that exchanges nothing is no swap. */
  private startOf(kernel: Kernel, isReturn: boolean): SwapStart | undefined {
    const saved = readSavedState(this.memory, kernel.boot.controlPage!.physical, kernel.controlCode);
    if (!saved) return undefined;
    const { swapPage, head } = saved;
    const { list } = walkPageList(this.memory, head);
    if (list.exchanges.length === 0) return undefined;
    const fingerprint = new SwapFingerprint(this.memory, list.exchanges, swapPage);
    return { kernel: kernel.name, isReturn, list, swapPage, fingerprint };
  }
}
