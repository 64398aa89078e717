/** Request family: disassemble. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { GdbCommandError } from '../errors.ts';
import { list, text, tuple, type MiTuple } from '../gdb/mi.ts';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import type { JumpSession } from '../jump/session.ts';
import { resolveReference } from './memory.ts';

/** Longest instruction of x86, in bytes. */
const LONGEST = 15;

/** Instructions around an address, of the live kernel unless the reference names one. What cannot be read or decoded is said so, never made up. */
export async function disassemble(
  session: JumpSession,
  { memoryReference, offset = 0, instructionOffset = 0, instructionCount }: DebugProtocol.DisassembleArguments,
): Promise<DebugProtocol.DisassembledInstruction[]> {
  const { kernel, address } = resolveReference(session, memoryReference, offset);
  const before = Math.max(0, -instructionOffset);
  const after = Math.max(0, instructionCount - before + Math.max(0, instructionOffset));
  const gdb = session.gdbs[kernel];
  const decode = async (range: string): Promise<MiTuple[]> => {
    try {
      return list((await gdb.command(`-data-disassemble ${range} -- 2`))['asm_insns']).map(tuple);
    } catch (error) {
      if (error instanceof GdbCommandError) return [];
      throw error;
    }
  };
  // Backwards only within a function: from its start every instruction is where the assembler put it.
  const earlier =
    before === 0 ? [] : (await decode(`-a ${hex(address)}`)).filter((item) => Number(text(item['address'])) < address);
  const later = after === 0 ? [] : await decode(`-s ${hex(address)} -e ${hex(address + after * LONGEST)}`);

  const instructions = [
    ...fill(earlier.slice(-before).map(describe), before, address, 'before'),
    ...fill(later.slice(0, after).map(describe), after, address, 'after'),
  ];
  return instructionOffset > 0 ? instructions.slice(instructionOffset) : instructions;
}

/** Brings a list to the length that the client asked for, with entries that say there is nothing. */
function fill(
  instructions: DebugProtocol.DisassembledInstruction[],
  count: number,
  address: number,
  side: 'before' | 'after',
): DebugProtocol.DisassembledInstruction[] {
  const missing = Array.from({ length: Math.max(0, count - instructions.length) }, (_, index) => ({
    address: hex((address + (side === 'before' ? -count + index : instructions.length + index)) >>> 0),
    instruction: '(not decoded)',
    presentationHint: 'invalid' as const,
  }));
  return side === 'before' ? [...missing, ...instructions] : [...instructions, ...missing];
}

function describe(item: MiTuple): DebugProtocol.DisassembledInstruction {
  const symbol = text(item['func-name']);
  return {
    address: text(item['address']),
    instruction: text(item['inst']).replace(/\t/g, ' '),
    instructionBytes: text(item['opcodes']),
    ...(symbol ? { symbol: `${symbol}+${text(item['offset'])}` } : {}),
  };
}
