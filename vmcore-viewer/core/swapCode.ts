/**
 * The places in swap_pages at which something about a page is decided or done, found by decoding it.
 * Source: arch/x86/kernel/relocate_kernel_32.S, swap_pages.
 */
import { ControlCodeUnknown } from './errors.ts';

/** Byte offsets from the start of relocate_kernel, and so in the control page. */
export interface SwapCode {
  /** The next entry of the page list is read: its physical address is in %ebx. */
  readEntry: number;
  /** An exchange begins: destination in %eax, source in %esi, swap page in %edi. */
  exchange: number;
  /** Behind each of the three copies: source to swap page, destination to source, swap page to destination. */
  copied: readonly [number, number, number];
  /** The list is done. */
  done: number;
}

/** `mov (%ebx),%ecx`, `add $4,%ebx`. */
const READ_ENTRY = Buffer.from([0x8b, 0x0b, 0x83, 0xc3, 0x04]);
const REP_MOVSL = Buffer.from([0xf3, 0xa5]);
/** `mov $1024,%ecx`. */
const A_PAGE_OF_WORDS = Buffer.from([0xb9, 0x00, 0x04, 0x00, 0x00]);
const SHORT_JUMP = 0xeb;

/**
 * @param code the routine; what follows it is not looked at.
 * @param swapPages where it begins, as an offset from the start of relocate_kernel.
 * @throws ControlCodeUnknown with the bytes.
 */
export function decodeSwapCode(code: Buffer, swapPages: number): SwapCode {
  const fail = (why: string): never => {
    throw new ControlCodeUnknown(why, code);
  };
  const readEntry = code.indexOf(READ_ENTRY);
  if (readEntry < 0) return fail('swap_pages does not read entries by "mov (%ebx),%ecx"');
  const [first, second, third] = allOf(REP_MOVSL, code);
  if (first === undefined || second === undefined || third === undefined) {
    return fail('swap_pages does not copy three times by "rep movsl"');
  }
  const exchange = first - A_PAGE_OF_WORDS.length;
  if (code.indexOf(A_PAGE_OF_WORDS) !== exchange) return fail('the first copy in swap_pages is not of 1024 words');
  for (let at = third + REP_MOVSL.length; at + 1 < code.length; at++) {
    const done = at + 2;
    if (code[at] !== SHORT_JUMP || done + code.readInt8(at + 1) !== readEntry) continue;
    const [one, two, three] = [first, second, third].map((copy) => swapPages + copy + REP_MOVSL.length);
    return {
      readEntry: swapPages + readEntry,
      exchange: swapPages + exchange,
      copied: [one!, two!, three!],
      done: swapPages + done,
    };
  }
  return fail('swap_pages does not go back for another entry behind the third copy');
}

function allOf(bytes: Buffer, code: Buffer): number[] {
  const places: number[] = [];
  for (let at = code.indexOf(bytes); at >= 0; at = code.indexOf(bytes, at + 1)) places.push(at);
  return places;
}
