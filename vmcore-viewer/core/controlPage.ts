/**
 * The control page: relocate_kernel's copy and the data behind it.
 * Source: arch/x86/kernel/relocate_kernel_32.S (DATA), arch/x86/kernel/machine_kexec_32.c (machine_kexec),
 * arch/x86/include/asm/kexec.h (KEXEC_CONTROL_CODE_MAX_SIZE).
 */
import { ControlCodeUnknown } from './errors.ts';
import { PAGE_SIZE, readWord, type PhysicalMemory } from './physicalMemory.ts';
import { decodeSwapCode, type SwapCode } from './swapCode.ts';

/** Bytes of code that machine_kexec() copies at most; the data slots follow. */
const KEXEC_CONTROL_CODE_MAX_SIZE = 0x800;

const CALL = 0xe8;
const CALL_LENGTH = 5;
const CALL_EDX = Buffer.from([0xff, 0xd2]);

/** Instructions that store to the control page, whose address is in %edi, without the 32-bit offset that ends them. */
const STORE = {
  esp: [0x89, 0xa7],
  eax: [0x89, 0x87],
  edi: [0x89, 0xbf],
  ebx: [0x89, 0x9f],
} as const;

/** The data slots in the order in which relocate_kernel fills them: what comes before the store, and the store. */
const STORES: readonly [slot: keyof SavedState, ...instruction: number[]][] = [
  ['esp', ...STORE.esp],
  // mov %cr0,%eax, and so on.
  ['cr0', 0x0f, 0x20, 0xc0, ...STORE.eax],
  ['cr3', 0x0f, 0x20, 0xd8, ...STORE.eax],
  ['cr4', 0x0f, 0x20, 0xe0, ...STORE.eax],
  ['virtual', ...STORE.edi],
  ['pageDirectory', ...STORE.eax],
  ['swapPage', ...STORE.eax],
  ['head', ...STORE.ebx],
];

/** Where things are in relocate_kernel, as byte offsets from its start (and so in the control page). */
export interface ControlCode {
  /** The swap_pages routine, and the places in it. */
  swapPages: number;
  swap: SwapCode;
  /** `call *%edx`, by which the kernel leaves. */
  departure: number;
  /** The re-entry point: the instruction behind the departure. */
  reentry: number;
  /** The instruction behind the second call of swap_pages: the kernel has its own pages back. */
  swappedBack: number;
  /** The data slots. */
  slots: Readonly<Record<keyof SavedState, number>>;
}

/**
 * Finds the places by decoding the calls, so that no kernel's offsets need to be known.
 * @param code from relocate_kernel on, to the end of swap_pages or further.
 * @param swapPages offset of swap_pages in it.
 * @throws ControlCodeUnknown with the bytes.
 */
export function decodeControlCode(code: Buffer, swapPages: number): ControlCode {
  const before = code.subarray(0, swapPages);
  const fail = (why: string): never => {
    throw new ControlCodeUnknown(why, before);
  };
  const [leaving, returning, ...more] = callsTo(before, swapPages);
  if (leaving === undefined || returning === undefined || more.length > 0) {
    return fail(`it calls swap_pages ${callsTo(before, swapPages).length} times, not twice`);
  }
  const departure = before.indexOf(CALL_EDX, leaving);
  if (departure < 0 || departure > returning) return fail('there is no call *%edx between the two calls of swap_pages');
  return {
    swapPages,
    swap: decodeSwapCode(code.subarray(swapPages), swapPages),
    departure,
    reentry: departure + CALL_EDX.length,
    swappedBack: returning + CALL_LENGTH,
    slots: decodeSlots(before, fail),
  };
}

/**
 * The same for a control page in memory, where there are no symbols: swap_pages is what is called twice.
 * @param page its content.
 * @throws ControlCodeUnknown with the bytes.
 */
export function decodeControlPage(page: Buffer): ControlCode {
  const code = page.subarray(0, KEXEC_CONTROL_CODE_MAX_SIZE);
  const targets = new Map<number, number>();
  for (let at = 0; at + CALL_LENGTH <= code.length; at++) {
    const target = targetOfCall(code, at);
    if (target !== undefined && target > at && target < code.length)
      targets.set(target, (targets.get(target) ?? 0) + 1);
  }
  for (const [target, calls] of targets) {
    // The two calls are the only ones to it; bytes that look like a call may lead anywhere.
    if (calls === 2 && code.indexOf(CALL_EDX) < target) return decodeControlCode(code, target);
  }
  throw new ControlCodeUnknown('nothing in it is called twice', code);
}

/** Where an instruction would lead to if it is a call. */
function targetOfCall(code: Buffer, at: number): number | undefined {
  return code[at] === CALL ? at + CALL_LENGTH + code.readInt32LE(at + 1) : undefined;
}

function callsTo(code: Buffer, target: number): number[] {
  const calls: number[] = [];
  for (let at = 0; at + CALL_LENGTH <= code.length; at++) if (targetOfCall(code, at) === target) calls.push(at);
  return calls;
}

function decodeSlots(code: Buffer, fail: (why: string) => never): ControlCode['slots'] {
  const slots: Partial<Record<keyof SavedState, number>> = {};
  let behind = 0;
  for (const [slot, ...instruction] of STORES) {
    const at = code.indexOf(Buffer.from(instruction), behind);
    const offset = at + instruction.length;
    if (at < 0 || offset + 4 > code.length) return fail(`it does not save "${slot}" in the control page`);
    behind = offset + 4;
    slots[slot] = code.readUInt32LE(offset);
    if (slots[slot] > PAGE_SIZE - 4) return fail(`it saves "${slot}" outside of the control page`);
  }
  return slots as ControlCode['slots'];
}

/** What a kernel left behind in its control page. Addresses are physical but `esp` and `virtual`, which are the kernel's. */
export interface SavedState {
  esp: number;
  cr0: number;
  cr3: number;
  cr4: number;
  /** Where the control page itself is. */
  virtual: number;
  /** The page tables that map the control page at both of its addresses. */
  pageDirectory: number;
  swapPage: number;
  /** Head of the page list. */
  head: number;
}

/** Reads the data slots of the control page at a physical address, or `undefined` when it is not in memory. */
export function readSavedState(
  memory: PhysicalMemory,
  controlPage: number,
  { slots }: Pick<ControlCode, 'slots'>,
): SavedState | undefined {
  const state: Partial<SavedState> = {};
  for (const [name, offset] of Object.entries(slots)) {
    const value = readWord(memory, controlPage + offset);
    if (value === undefined) return undefined;
    state[name as keyof SavedState] = value;
  }
  return state as SavedState;
}
