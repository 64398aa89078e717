/**
 * The control page: relocate_kernel's copy and the data behind it.
 * Source: arch/x86/kernel/relocate_kernel_32.S (DATA), arch/x86/kernel/machine_kexec_32.c (machine_kexec),
 * arch/x86/include/asm/kexec.h (KEXEC_CONTROL_CODE_MAX_SIZE).
 */
import type { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import { readWord, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { controlCodeUnknown, symbolMissing } from '../errors.ts';

/** Bytes of code that machine_kexec() copies; the data slots follow. */
const KEXEC_CONTROL_CODE_MAX_SIZE = 0x800;

/** Data slots, as byte offsets in the page. */
const SLOT = { esp: 0x800, cr0: 0x804, cr3: 0x808, cr4: 0x80c, swapPage: 0x818, head: 0x81c } as const;

const CALL = 0xe8;
const CALL_EDX = Buffer.from([0xff, 0xd2]);

/** Where things are in relocate_kernel, as byte offsets from its start (and so in the control page). */
export interface ControlCode {
  /** The swap_pages routine. */
  swapPages: number;
  /** `call *%edx`, by which the kernel leaves. */
  departure: number;
  /** The re-entry point: the instruction behind the departure. */
  reentry: number;
  /** The instruction behind the second call of swap_pages: the kernel has its own pages back. */
  swappedBack: number;
}

/**
 * Finds the places by symbols and by decoding the calls, so that no kernel's offsets need to be known.
 * @throws UserFacingError `symbol-missing` or `control-code-unknown`, the latter with the bytes.
 */
export function decodeControlCode(kernel: Pick<KernelFile, 'path' | 'symbol' | 'bytesAt'>): ControlCode {
  const start = address(kernel, 'relocate_kernel');
  const swapPages = address(kernel, 'swap_pages') - start;
  const code = kernel.bytesAt(start, swapPages > 0 && swapPages < KEXEC_CONTROL_CODE_MAX_SIZE ? swapPages : 64);
  const fail = (why: string): never => {
    throw controlCodeUnknown(kernel.path, why, code);
  };
  if (code?.length !== swapPages) return fail('swap_pages does not lie behind relocate_kernel');

  const calls: number[] = [];
  for (let at = 0; at + 5 <= code.length; at++) {
    if (code[at] === CALL && at + 5 + code.readInt32LE(at + 1) === swapPages) calls.push(at);
  }
  const [leaving, returning] = calls;
  if (leaving === undefined || returning === undefined || calls.length !== 2) {
    return fail(`it calls swap_pages ${calls.length} times, not twice`);
  }
  const departure = code.indexOf(CALL_EDX, leaving);
  if (departure < 0 || departure > returning) return fail('there is no call *%edx between the two calls of swap_pages');
  return { swapPages, departure, reentry: departure + CALL_EDX.length, swappedBack: returning + 5 };
}

/** What a kernel left behind in its control page. Addresses are physical but `esp`, which is the kernel's virtual. */
export interface SavedState {
  esp: number;
  cr0: number;
  cr3: number;
  cr4: number;
  swapPage: number;
  /** Head of the page list. */
  head: number;
}

/** Reads the data slots of the control page at a physical address, or `undefined` when it is not in memory. */
export function readSavedState(memory: PhysicalMemory, controlPage: number): SavedState | undefined {
  const state: Partial<SavedState> = {};
  for (const [name, offset] of Object.entries(SLOT)) {
    const value = readWord(memory, controlPage + offset);
    if (value === undefined) return undefined;
    state[name as keyof SavedState] = value;
  }
  return state as SavedState;
}

function address(kernel: Pick<KernelFile, 'path' | 'symbol'>, name: string): number {
  const symbol = kernel.symbol(name);
  if (!symbol) throw symbolMissing(kernel.path, name);
  return symbol.address;
}
