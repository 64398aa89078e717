/**
 * The jump that a memory image was taken in: from the re-entry point of the kernel that left to its control page, its page
 * list, and its memory as it knew it.
 */
import { decodeControlPage, readSavedState, type ControlCode, type SavedState } from './controlPage.ts';
import { ControlCodeUnknown, noControlPage } from './errors.ts';
import { pagesIn, type MemoryPiece } from './memoryPieces.ts';
import { Overlay } from './overlay.ts';
import { walkPageList, type BrokenEntry, type PageList } from './pageList.ts';
import { physicalRuns } from './pageTables/i386.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';
import { readRuns } from './physicalRuns.ts';

/** A jump, as its control page tells of it. Addresses are physical. */
export interface ImageJump {
  /** Where a jump back enters. */
  entry: number;
  controlPage: number;
  code: ControlCode;
  saved: SavedState;
  list: PageList;
  /** The word at which the list does not decode; what comes before it is in `list`. */
  broken?: BrokenEntry | undefined;
  /** Memory as the kernel knew it that left. */
  asItLeft: Overlay;
  /** The pages that it gave to its peer. */
  destinations: ReadonlySet<number>;
}

/** `mov %esp,disp32(%edi)` is among the first instructions of relocate_kernel. */
const SAVE_STACK = Buffer.from([0x89, 0xa7]);
const HEAD_OF_CODE = 0x40;
/** Above what relocate_kernel has pushed, and its return address: its first argument. In bytes from the saved stack pointer. */
const HEAD_ON_STACK = 24;

/**
 * Reads the jump that a re-entry point belongs to.
 * @param entry physical address, as in `kexec_jump_back_entry=` and e_entry.
 * @throws MemoryError when there is no control page, or the re-entry point is none of its.
 */
export function readImageJump(memory: PhysicalMemory, entry: number): ImageJump {
  const controlPage = entry - (entry % PAGE_SIZE);
  const page = memory.read(controlPage, PAGE_SIZE);
  if (!page) throw noControlPage(entry, 'that page is not in the image');
  let code: ControlCode;
  try {
    code = decodeControlPage(page);
  } catch (error) {
    if (error instanceof ControlCodeUnknown) throw noControlPage(entry, error.why);
    throw error;
  }
  if (controlPage + code.reentry !== entry) {
    throw noControlPage(entry, `the re-entry point of that page is at +0x${code.reentry.toString(16)}`);
  }
  // The page is there, so are its slots.
  const saved = readSavedState(memory, controlPage, code)!;
  const { list, broken } = walkPageList(memory, saved.head);
  const destinations = new Set(list.exchanges.map(({ destination }) => destination));
  return { entry, controlPage, code, saved, list, broken, asItLeft: new Overlay(memory, [list]), destinations };
}

/**
 * Looks for re-entry points where nobody tells one: whole pages that are a copy of relocate_kernel, with slots that were filled and
 * a page list that is not empty, or that the kernel left by without exchanging anything.
 * @param piece of that memory.
 */
export function findEntries(memory: PhysicalMemory, piece: MemoryPiece): number[] {
  const { address, bytes } = piece;
  return bytes ? candidates(piece, bytes).flatMap((at) => entryAt(memory, address + at)) : [];
}

function candidates(piece: MemoryPiece, bytes: Buffer): number[] {
  const found: number[] = [];
  for (const page of pagesIn(piece)) {
    const isWhole = page + PAGE_SIZE <= bytes.length;
    if (isWhole && bytes.subarray(page, page + HEAD_OF_CODE).includes(SAVE_STACK)) found.push(page);
  }
  return found;
}

function entryAt(memory: PhysicalMemory, controlPage: number): number[] {
  try {
    const code = decodeControlPage(memory.read(controlPage, PAGE_SIZE)!);
    const jump = readImageJump(memory, controlPage + code.reentry);
    return isAway(jump) ? [jump.entry] : [];
  } catch (error) {
    if (error instanceof ControlCodeUnknown) return [];
    throw error;
  }
}

/**
 * Whether the kernel is in the jump: it has its control page where it left it, and on its stack the call of relocate_kernel(head, …).
 * A control page for a jump which has not happened has no stack pointer yet; that of a peer whose pages were swapped out lies
 * elsewhere; of a kernel that is back the stack has been used for something else. A stack that is not in the image speaks for it only
 * if its list is whole.
 */
function isAway({ saved, controlPage, asItLeft, broken }: ImageJump): boolean {
  if (saved.esp === 0 || saved.virtual % PAGE_SIZE !== 0) return false;
  if (physicalRuns(asItLeft, saved, saved.virtual, PAGE_SIZE)?.[0]?.address !== controlPage) return false;
  const runs = physicalRuns(asItLeft, saved, saved.esp + HEAD_ON_STACK, 4);
  const head = runs && readRuns(asItLeft, runs);
  return head ? head.readUInt32LE(0) === saved.head : runs !== undefined && !broken;
}
