/** Repeated string instructions, which a single step would execute one element at a time. */

/** Prefixes of x86 that may stand in front of an opcode. Source: Intel SDM volume 2, section 2.1.1. */
const PREFIXES = new Set([0xf2, 0xf3, 0x66, 0x67, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65]);
const REPEATS = new Set([0xf2, 0xf3]);
/** ins, outs, movs, cmps, stos, lods, scas. */
const STRING_OPCODES = new Set([0x6c, 0x6d, 0x6e, 0x6f, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]);

/** Bytes that have to be read to tell. */
export const LONGEST_REPEAT = 6;

/** Bytes of the repeated string instruction that some code begins with, or `undefined` when it is another instruction. */
export function repeatLength(code: Buffer): number | undefined {
  let at = 0;
  let repeated = false;
  while (at < code.length && PREFIXES.has(code[at]!)) repeated = REPEATS.has(code[at++]!) || repeated;
  return repeated && STRING_OPCODES.has(code[at] ?? 0) ? at + 1 : undefined;
}

const HLT = 0xf4;
const PAUSE = Buffer.from([0xf3, 0x90]);

/**
 * Bytes of the instruction by which a CPU waits for another one that some code begins with: `pause` of a loop that looks
 * for a change in memory, `hlt` of one that wants an interrupt. `undefined` when it is another instruction.
 */
export function waitLength(code: Buffer): number | undefined {
  if (code[0] === HLT) return 1;
  return code.subarray(0, PAUSE.length).equals(PAUSE) ? PAUSE.length : undefined;
}

/** Whether an instruction that ends in this byte may have been a `hlt`: the CPU does not go on before an interrupt. */
export const mayBeHalted = (byteBefore: number | undefined): boolean => byteBefore === HLT;
