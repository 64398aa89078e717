/**
 * What kernel_kexec() calls on its way to the jump and back from it, and the labels at which it unwinds a call that failed:
 * read from the code of the kernel in use. Source: kernel/kexec_core.c, kernel_kexec().
 */
import { constants } from 'node:os';
import { GdbCommandError } from '../errors.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { CodeMap, enclosing, type Instruction } from '../stepping/codeMap.ts';

/** A call in kernel_kexec(). Addresses are virtual, as linked. */
export interface KexecCall {
  function: string;
  /** The call, and the instruction behind it. */
  at: number;
  behind: number;
  /** The line of kernel_kexec() that makes it. */
  line: number;
  /** Whether it is made when the jump came back, or did not happen. */
  isWayBack: boolean;
  /** Whether it returns an int, in which kernel functions return negative error numbers. */
  canFail: boolean;
}

/** A label of kernel_kexec(), and the calls from there to the next one. */
export interface UnwindLabel {
  name: string;
  at: number;
  calls: readonly string[];
}

/** Calls and labels in the order of the source. */
export interface KexecCode {
  calls: readonly KexecCall[];
  labels: readonly UnwindLabel[];
}

export const JUMPING_FUNCTION = 'kernel_kexec';
const JUMP = 'machine_kexec';
const NO_CODE: KexecCode = { calls: [], labels: [] };
/** The highest error number that a return value can be. Source: include/linux/err.h, MAX_ERRNO. */
const MAX_ERRNO = 4095;

/** Reads them with a gdb that has the kernel's symbols. A gdb without Python finds none. */
export async function readKexecCode(gdb: KernelGdb): Promise<KexecCode> {
  try {
    const map = CodeMap.parse(
      await gdb.console(`python kexec_jump_code_map(int(gdb.parse_and_eval("(unsigned long)${JUMPING_FUNCTION}")))`),
    );
    const returnsInt = async (name: string): Promise<boolean> =>
      (await gdb.console(`whatis ${name}`).catch(() => '')).startsWith('type = int (');
    return await kexecCodeOf(map, returnsInt);
  } catch (error) {
    if (!(error instanceof GdbCommandError) && !(error instanceof SyntaxError)) throw error;
    return NO_CODE;
  }
}

/** Finds them in a code map of kernel_kexec(). */
export async function kexecCodeOf(map: CodeMap, returnsInt: (name: string) => Promise<boolean>): Promise<KexecCode> {
  const found = [...map.all()].flatMap((instruction) => callOf(instruction) ?? []).sort((a, b) => a.line - b.line);
  const jump = found.find((call) => call.function === JUMP)?.line ?? Infinity;
  const calls: KexecCall[] = [];
  for (const call of found) {
    if (call.function === JUMP) continue;
    calls.push({ ...call, isWayBack: call.line > jump, canFail: await returnsInt(call.function) });
  }
  const labels = [...map.labels].sort((a, b) => a.line - b.line);
  return {
    calls,
    labels: labels.map(({ name, pc, line }, index) => {
      const end = labels[index + 1]?.line ?? Infinity;
      const own = calls.filter((call) => call.line > line && call.line < end);
      return { name, at: pc, calls: own.map((call) => call.function) };
    }),
  };
}

function callOf(instruction: Instruction): Omit<KexecCall, 'isWayBack' | 'canFail'> | undefined {
  const { pc, flow, next, operands, inlined } = instruction;
  const name = /<([^>+]+)>$/.exec(operands)?.[1];
  const line = enclosing(inlined).at(-1)?.line ?? instruction.line?.number;
  if (flow.kind !== 'call' || name === undefined || next === undefined || line === undefined) return undefined;
  return { function: name, at: pc, behind: next, line };
}

/** The error in a return value (%eax), as a negative number; `undefined` when it is none. */
export function errorIn(eax: number): number | undefined {
  const value = eax | 0;
  return value < 0 && value >= -MAX_ERRNO ? value : undefined;
}

/** An error number as a person knows it: "-16 (EBUSY)". Source: include/uapi/asm-generic/errno-base.h, the host's too. */
export function describeError(error: number): string {
  const name = Object.entries(constants.errno).find(([, number]) => number === -error)?.[0];
  return name === undefined ? String(error) : `${error} (${name})`;
}
