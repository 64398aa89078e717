/**
 * The parts that page frames play in a jump.
 * Source: kernel/kexec_core.c (kimage_alloc_page, kimage_alloc_normal_control_pages), arch/x86/kernel/relocate_kernel_32.S.
 */
import { Overlay } from './overlay.ts';
import type { PageList } from './pageList.ts';
import { PAGE_SIZE } from './physicalMemory.ts';

/** What a kernel leaves by. Addresses are physical, sizes in bytes. */
export interface Departure {
  list: PageList;
  controlPage: number;
  swapPage: number;
  /**
   * The list by which the peer gave this kernel its memory, if it did: its destinations, which the peer exchanges back
   * when it returns. A kernel that was given none has the whole machine.
   */
  received?: Pick<PageList, 'exchanges'> | undefined;
  /** What kexec loaded, if that is known. */
  segments?: readonly { address: number; size: number }[] | undefined;
  /** The kernel's real-mode trampoline, if it has one; needed when it comes back, if it has other CPUs to start. */
  realMode?: { address: number; size: number; isNeeded: boolean } | undefined;
  /** Page frames below 640 KiB that the kernel has reserved, and uses none of but its trampoline: the peer has them too. */
  low?: readonly number[] | undefined;
  /** Whether kexec may have allocated a page, if that is known: kimage_alloc_pages() makes all of its pages PG_reserved. */
  isKexecs?: ((pfn: number) => boolean) | undefined;
}

/** Bits of `JumpPages.parts`. */
export const PART = {
  ...{ destination: 1, source: 2, indirection: 4, control: 8, swap: 16, realMode: 32 },
  /** Memory that is the peer's, whatever this kernel's list makes of it. */
  foreign: 64,
  /** `Departure.low`. */
  low: 128,
} as const;

const NAMES: readonly (readonly [number, string])[] = [
  [PART.control, 'kexec: control page'],
  [PART.swap, 'kexec: swap page'],
  [PART.indirection, 'kexec: indirection page'],
  [PART.source, 'source page'],
  [PART.realMode, 'real-mode trampoline'],
  [PART.foreign, "the peer's"],
  [PART.low, 'memory below 640 KiB'],
];

/** Why a page that plays a part may change, and where the kernel does it. */
const REASONS: readonly (readonly [number, string])[] = [
  [
    PART.control,
    "its data slots and its end, which is relocate_kernel's stack, are written on the way out and back " +
      '(arch/x86/kernel/relocate_kernel_32.S, identity_mapped)',
  ],
  [
    PART.swap,
    'swap_pages copies every source page through it, and its end is the first stack of the kernel that comes next ' +
      '(arch/x86/kernel/relocate_kernel_32.S, swap_pages and identity_mapped)',
  ],
];

const REAL_MODE_REASON =
  'the peer writes its own trampoline where this kernel has its; only starting other CPUs and waking up from suspend ' +
  'use it (arch/x86/realmode/init.c, setup_real_mode)';

const LOW_REASON =
  'this kernel has reserved it and uses none of it; the peer has its own real-mode trampoline there ' +
  '(arch/x86/realmode/init.c, reserve_real_mode)';

export class JumpPages {
  /** Bits of `PART` for each pfn. */
  readonly parts: Uint8Array;
  private readonly moved: Overlay;
  private readonly away: Overlay;
  private readonly given: Overlay;

  constructor(
    pages: number,
    readonly departure: Departure,
  ) {
    const { list, received, controlPage, swapPage, realMode, low = [] } = departure;
    const lists = received && received.exchanges.length > 0 ? [received] : [];
    this.parts = new Uint8Array(pages).fill(lists.length === 0 ? 0 : PART.foreign);
    for (const { destination } of lists.flatMap(({ exchanges }) => exchanges)) this.claim(destination);
    for (const { destination, source } of list.exchanges) {
      this.add(destination, PART.destination);
      this.add(source, PART.source);
    }
    for (const page of list.indirectionPages) this.add(page, PART.indirection);
    this.add(controlPage, PART.control);
    this.add(swapPage, PART.swap);
    for (let at = 0; realMode && at < realMode.size; at += PAGE_SIZE) {
      this.claim(realMode.address + at);
      this.add(realMode.address + at, PART.realMode);
    }
    for (const pfn of low) if (!this.has(pfn, PART.realMode)) this.add(pfn * PAGE_SIZE, PART.low);
    const nothing = { size: pages * PAGE_SIZE, read: () => undefined };
    this.moved = new Overlay(nothing, [list]);
    this.away = new Overlay(nothing, [list, ...lists]);
    this.given = new Overlay(nothing, lists);
  }

  get count(): number {
    return this.parts.length;
  }

  /** Where the content of a page is after the exchange, by pfn. */
  locate(pfn: number): number {
    return this.moved.locate(pfn * PAGE_SIZE) / PAGE_SIZE;
  }

  /** Where it is while the peer runs, which has exchanged back what it gave this kernel. */
  waitsIn(pfn: number): number {
    return this.away.locate(pfn * PAGE_SIZE) / PAGE_SIZE;
  }

  /** Where it is while the kernel runs that has the whole machine: no two pages of both kernels are in one frame there. */
  frameOf(pfn: number): number {
    return this.given.locate(pfn * PAGE_SIZE) / PAGE_SIZE;
  }

  has(pfn: number, part: number): boolean {
    return (this.parts[pfn]! & part) !== 0;
  }

  /**
   * Whether a page is none of the kernel's that left: what the peer has not given it, and source pages, which bring the
   * peer's content and take it away again, unless the list names one that is not kexec's.
   */
  isPeers(pfn: number): boolean {
    const isSource = this.has(pfn, PART.source) && (this.departure.isKexecs?.(pfn) ?? true);
    return isSource || this.has(pfn, PART.foreign);
  }

  /** What kexec uses a page for, if anything. */
  nameOf(pfn: number): string | undefined {
    return NAMES.find(([part]) => this.has(pfn, part))?.[1];
  }

  /** Why a page may change while pages are exchanged. */
  mayChange(pfn: number): string | undefined {
    return REASONS.find(([part]) => this.has(pfn, part))?.[1];
  }

  /** Why a page may change while the peer runs. */
  mayChangeMeanwhile(pfn: number): string | undefined {
    const isUnneeded = this.has(pfn, PART.realMode) && !this.departure.realMode?.isNeeded;
    const meanwhile = isUnneeded ? REAL_MODE_REASON : this.has(pfn, PART.low) ? LOW_REASON : undefined;
    return this.mayChange(pfn) ?? meanwhile;
  }

  /** Memory of this kernel's own. */
  private claim(address: number): void {
    const pfn = Math.floor(address / PAGE_SIZE);
    if (pfn < this.parts.length) this.parts[pfn]! &= ~PART.foreign;
  }

  private add(address: number, part: number): void {
    const pfn = Math.floor(address / PAGE_SIZE);
    if (pfn < this.parts.length) this.parts[pfn]! |= part;
  }
}
