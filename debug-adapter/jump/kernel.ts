/** A kernel of the session: its file, and what the jump has taught about it. */
import type { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import type { PageList } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { symbolMissing } from '../errors.ts';
import { decodeControlCode, type ControlCode } from './controlPage.ts';

/** Name of a kernel of the session. */
export type KernelName = 'A' | 'B';
export const KERNEL_NAMES: readonly KernelName[] = ['A', 'B'];

/** What the kernel's DWARF says of its kexec code. Offsets and sizes are in bytes. */
export interface KexecLayout {
  /** Offset of kimage.control_code_page. */
  controlCodePage: number;
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

export class Kernel {
  readonly controlCode: ControlCode;
  /** Virtual (and physical) distance of the running kernel from where it is linked; unknown until it was found. */
  offset: number | undefined;
  layout: KexecLayout | undefined;
  controlPage: ControlPage | undefined;
  /** Virtual address in machine_kexec() behind the call of relocate_kernel. */
  resumesAt: number | undefined;
  /** Virtual address behind the call of kernel_kexec(). */
  kernelKexecReturnsTo: number | undefined;
  /** Its page list at its last departure. */
  departedList: PageList | undefined;

  constructor(
    readonly name: KernelName,
    readonly file: KernelFile,
  ) {
    this.controlCode = decodeControlCode(file);
  }

  /** Virtual address of a symbol in the running kernel. @throws UserFacingError `symbol-missing`. */
  address(symbol: string): number {
    const found = this.file.symbol(symbol);
    if (!found) throw symbolMissing(this.file.path, symbol);
    return found.address + (this.offset ?? 0);
  }

  /** Virtual address of a function's first statement in the running kernel, else of its entry. */
  body(symbol: string): number {
    const linked = this.layout?.bodies.get(symbol);
    return linked === undefined ? this.address(symbol) : linked + (this.offset ?? 0);
  }

  /** Physical address of the kernel's re-entry point, once its control page is known. */
  get reentry(): number | undefined {
    return this.controlPage && this.controlPage.physical + this.controlCode.reentry;
  }

  /** Forgets what a former boot of this kernel taught. */
  forgetBoot(): void {
    this.offset = undefined;
    this.controlPage = undefined;
    this.resumesAt = undefined;
    this.kernelKexecReturnsTo = undefined;
    this.departedList = undefined;
  }

  /** PAGE_OFFSET: what is between a linear address of the kernel and its physical one. */
  get pageOffset(): number {
    return this.file.pageOffset;
  }
}

/** Physical distance between the places where a relocatable kernel can start (CONFIG_PHYSICAL_ALIGN's default). */
const SLOT_SIZE = 0x200000;

/** All physical addresses at which a kernel may begin in a piece of memory. `end` is exclusive. */
export function kernelSlots(start: number, end: number): number[] {
  const slots: number[] = [];
  for (let slot = Math.ceil(start / SLOT_SIZE) * SLOT_SIZE; slot < end; slot += SLOT_SIZE) slots.push(slot);
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
