/** A kernel of the session: its file, and what the jump has taught about it. */
import type { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import { CR4_PAE, type PagingRegisters } from '../../vmcore-viewer/core/pageTables/i386.ts';
import type { PageList } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { TaskOffsets } from '../../vmcore-viewer/core/tasks.ts';
import { symbolMissing } from '../errors.ts';
import type { ControlCode } from '../../vmcore-viewer/core/controlPage.ts';
import { controlCodeOf } from './controlCode.ts';
import type { KexecCode } from './kexecCode.ts';
import type { SegmentKind } from './segments.ts';

/** Name of a kernel of the session. */
export type KernelName = 'A' | 'B';
export const KERNEL_NAMES: readonly KernelName[] = ['A', 'B'];

/** The page directory that has all of a kernel's own mappings. Source: arch/x86/mm/init_32.c. */
export const KERNEL_PAGE_DIRECTORY = 'swapper_pg_dir';

/** What the kernel's DWARF says of its kexec code. Offsets and sizes are in bytes. */
export interface KexecLayout {
  /** Offset of kimage.control_code_page. */
  controlCodePage: number;
  /** Offset of kimage.start. */
  start: number;
  /** Offsets of kimage.nr_segments and kimage.segment. */
  segmentCount: number;
  segments: number;
  /** sizeof(struct page). */
  pageSize: number;
  /** Addresses, as linked, of the first statements of functions whose entry shows another place's line. */
  bodies: ReadonlyMap<string, number>;
}

/** Functions at whose first statement a phase begins, rather than at their entry. */
export const FUNCTIONS_WITH_PHASES = ['kernel_kexec'] as const;

/** The control page of a loaded kimage. */
export interface ControlPage {
  virtual: number;
  physical: number;
}

/** A piece that kexec loaded: kernel, RAM disk, boot parameters, purgatory. Physical address and sizes in bytes. */
export interface KexecSegment {
  address: number;
  size: number;
  /** Bytes that have content; the rest is zero. */
  loaded: number;
  kind: SegmentKind;
}

/** What a boot of a kernel and its jumps have taught. Unknown is `undefined`. */
export interface BootKnowledge {
  /** Virtual (and physical) distance of the running kernel from where it is linked, in bytes. */
  offset?: number | undefined;
  controlPage?: ControlPage | undefined;
  /** Virtual address in machine_kexec() behind the call of relocate_kernel. */
  resumesAt?: number | undefined;
  /** Virtual address behind the call of kernel_kexec(). */
  kernelKexecReturnsTo?: number | undefined;
  /** What its kimage holds for the kernel that comes next. */
  segments?: readonly KexecSegment[] | undefined;
  /** The segment that is entered first, if it is not a re-entry point. */
  purgatory?: KexecSegment | undefined;
  /** Its page list at its last departure. */
  departedList?: PageList | undefined;
}

export class Kernel {
  readonly controlCode: ControlCode;
  layout: KexecLayout | undefined;
  /** `undefined` where gdb could not tell. */
  taskOffsets: TaskOffsets | undefined;
  /** What its kernel_kexec() calls; nothing where gdb could not tell. */
  kexecCode: KexecCode = { calls: [], labels: [] };
  /** What is known of the boot that runs; replaced when the kernel boots anew or the machine goes back in time. */
  boot: BootKnowledge = {};

  constructor(
    readonly name: KernelName,
    readonly file: KernelFile,
  ) {
    this.controlCode = controlCodeOf(file);
  }

  /** Virtual address of a symbol in the running kernel. @throws UserFacingError `symbol-missing`. */
  address(symbol: string): number {
    return this.linked(symbol) + (this.boot.offset ?? 0);
  }

  /** Virtual address of a symbol as linked. @throws UserFacingError `symbol-missing`. */
  linked(symbol: string): number {
    const found = this.file.symbol(symbol);
    if (!found) throw symbolMissing(this.file.path, symbol);
    return found.address;
  }

  /** Virtual address of a function's first statement in the running kernel, else of its entry. */
  body(symbol: string): number {
    const linked = this.layout?.bodies.get(symbol);
    return linked === undefined ? this.address(symbol) : linked + (this.boot.offset ?? 0);
  }

  /** Virtual address to which exception handlers return. Source: arch/x86/entry/entry_32.S. */
  get exceptionReturn(): number | undefined {
    return this.file.symbol('handle_exception_return') && this.address('handle_exception_return');
  }

  /** Physical address of the kernel's re-entry point, once its control page is known. */
  get reentry(): number | undefined {
    return this.boot.controlPage && this.boot.controlPage.physical + this.controlCode.reentry;
  }

  /** Its own page tables. Source: arch/x86/kernel/head_32.S, where only a kernel with PAE has initial_pg_pmd. */
  get paging(): PagingRegisters {
    const cr4 = this.file.symbol('initial_pg_pmd') ? CR4_PAE : 0;
    return { cr3: this.address(KERNEL_PAGE_DIRECTORY) - this.pageOffset, cr4 };
  }

  /** PAGE_OFFSET: what is between a linear address of the kernel and its physical one. */
  get pageOffset(): number {
    return this.file.pageOffset;
  }
}

/** Physical distance between the places where a relocatable kernel can start (CONFIG_PHYSICAL_ALIGN's default). */
const SLOT_SIZE = 0x200000;

/** A kernel is in memory that it maps linearly itself. Source: arch/x86/include/asm/pgtable_32_areas.h, MAXMEM. */
const LOWMEM_END = 896 << 20;

/** All physical addresses at which a kernel may begin in a piece of memory. `end` is exclusive. */
export function kernelSlots(start: number, end: number): number[] {
  const slots: number[] = [];
  const last = Math.min(end, LOWMEM_END);
  for (let slot = Math.ceil(start / SLOT_SIZE) * SLOT_SIZE; slot < last; slot += SLOT_SIZE) slots.push(slot);
  return slots;
}

/**
 * Whether a kernel has just been entered at a slot: the code there begins as vmlinux's, which tells it from a
 * decompressor that passes the same address, and a banner lies where vmlinux has its own.
 * @returns the banner of the running kernel, or `undefined`.
 */
export function bannerAt(memory: PhysicalMemory, file: KernelFile, slot: number): string | undefined {
  const text = file.symbol('_text');
  const banner = file.symbol('linux_banner');
  if (!text || !banner) return undefined;
  const code = file.bytesAt(text.address, 2);
  if (!code || memory.read(slot, 2)?.equals(code) !== true) return undefined;
  const bytes = memory.read(slot + banner.address - text.address, Math.min(banner.size || 256, PAGE_SIZE));
  const found = bytes?.toString('latin1').split('\0')[0]?.trimEnd();
  return found?.startsWith('Linux version ') ? found : undefined;
}
