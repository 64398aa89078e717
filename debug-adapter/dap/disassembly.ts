/** Request family: disassemble. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { GdbCommandError, noSuchAddress } from '../errors.ts';
import { list, text, tuple } from '../gdb/mi.ts';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';
import { resolveReference } from './memory.ts';

/** Longest instruction of x86, in bytes. */
const LONGEST = 15;
/** Further back no function begins; what lies between is data. In bytes. */
const LONGEST_FUNCTION = 64 << 10;
const MOST_INSTRUCTIONS = 10_000;

interface Instruction {
  start: number;
  /** Address behind it. */
  end: number;
  shown: DebugProtocol.DisassembledInstruction;
}

/**
 * Instructions around an address. What cannot be read or decoded is said so, never made up: backwards, a function is decoded
 * from its start on, where every instruction is as the assembler put it, and shown only if it meets what follows.
 */
export async function disassemble(
  session: JumpSession,
  { memoryReference, offset = 0, instructionOffset = 0, instructionCount }: DebugProtocol.DisassembleArguments,
): Promise<DebugProtocol.DisassembledInstruction[]> {
  const { space: kernel, address } = await resolveReference(session, memoryReference, offset);
  if (kernel === 'physical') throw noSuchAddress(memoryReference, 'code is disassembled at virtual addresses');
  const count = Math.min(instructionCount, MOST_INSTRUCTIONS);
  const before = Math.max(0, -instructionOffset);
  const after = Math.max(0, count - before + Math.max(0, instructionOffset));
  const earlier = before === 0 ? [] : await decodeBackwards(session, kernel, address, before);
  const later = after === 0 ? [] : await decode(session, kernel, address, address + after * LONGEST);
  const first = earlier[0]?.start ?? address;
  const last = later[Math.min(after, later.length) - 1]?.end ?? address;
  const instructions: DebugProtocol.DisassembledInstruction[] = [
    ...notDecoded(before - earlier.length, first - (before - earlier.length)),
    ...earlier.map(({ shown }) => shown),
    ...later.slice(0, after).map(({ shown }) => shown),
    ...notDecoded(after - later.length, last),
  ];
  const from = Math.max(0, instructionOffset);
  return instructions.slice(from, from + count);
}

async function decodeBackwards(
  session: JumpSession,
  kernel: KernelName,
  address: number,
  count: number,
): Promise<Instruction[]> {
  let found: Instruction[] = [];
  for (let end = address; found.length < count;) {
    const start = codeStartBefore(session, kernel, end);
    if (start === undefined || end - start > LONGEST_FUNCTION) break;
    const piece = (await decode(session, kernel, start, end)).filter((instruction) => instruction.start < end);
    if (piece[0]?.start !== start || piece.at(-1)?.end !== end) break;
    found = [...piece, ...found];
    end = start;
  }
  return found.slice(-count);
}

/** Where code is known to begin before an address: a function of the kernel's, or the control page's code. */
function codeStartBefore(session: JumpSession, name: KernelName, address: number): number | undefined {
  const kernel = session.kernels[name];
  const { virtual = 0, physical = 0 } = kernel.boot.controlPage ?? {};
  for (const page of [virtual, physical]) if (address > page && address < page + PAGE_SIZE) return page;
  const offset = kernel.boot.offset ?? 0;
  const linked = kernel.file.functionBefore(address - offset);
  return linked === undefined ? undefined : linked + offset;
}

async function decode(session: JumpSession, kernel: KernelName, start: number, end: number): Promise<Instruction[]> {
  const range = `-s ${hex(start)} -e ${hex(Math.min(end, 0xffffffff))}`;
  try {
    const results = await session.gdbs[kernel].command(`-data-disassemble ${range} -- 2`);
    return list(results['asm_insns'])
      .map(tuple)
      .map((item) => {
        const symbol = text(item['func-name']);
        const address = Number(text(item['address']));
        const bytes = text(item['opcodes']);
        const shown = {
          address: text(item['address']),
          instruction: text(item['inst']).replace(/\t/g, ' '),
          instructionBytes: bytes,
          ...(symbol ? { symbol: `${symbol}+${text(item['offset'])}` } : {}),
        };
        return { start: address, end: address + bytes.split(' ').length, shown };
      });
  } catch (error) {
    if (!(error instanceof GdbCommandError)) throw error;
    // gdb gives nothing of a range that it cannot read whole.
    const pageEnd = start - (start % PAGE_SIZE) + PAGE_SIZE;
    return pageEnd < end ? decode(session, kernel, start, pageEnd) : [];
  }
}

/** Fills the list up to the length that the client asked for. */
function notDecoded(count: number, address: number): DebugProtocol.DisassembledInstruction[] {
  return Array.from({ length: Math.max(0, count) }, (_, index) => ({
    address: hex((address + index) >>> 0),
    instruction: '(not decoded)',
    presentationHint: 'invalid' as const,
  }));
}
