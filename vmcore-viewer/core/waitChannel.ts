/**
 * Where a task sleeps, as /proc/PID/wchan tells it. Source: arch/x86/kernel/process.c (__get_wchan), kernel/sched/core.c
 * (in_sched_functions), arch/x86/include/asm/switch_to.h (struct inactive_task_frame).
 */
import type { KernelMemory } from './kernelMemory.ts';
import type { SymbolTable } from './symbolTable.ts';
import type { Task, TaskLayout } from './tasks.ts';

/** Bytes: that of i386. */
const LEAST_STACK = 1 << 13;

/**
 * The innermost function on a sleeping task's stack that is not of the scheduler. Frame pointers lead from one to the next; where they
 * lead to none, each word that may be a return address counts, as in a backtrace that the kernel marks with "?".
 */
export function waitChannel(
  memory: KernelMemory,
  symbols: SymbolTable,
  { stack: bottom, stackPointer }: Task,
  { offsets, stackSize = LEAST_STACK }: TaskLayout,
): string | undefined {
  const { wordSize } = memory;
  // A struct inactive_task_frame, in which the frame pointer lies before the return address.
  const start = stackPointer + BigInt(offsets['inactive_task_frame.ret_addr'] - wordSize);
  const unused = Number(start - bottom);
  const stack = unused >= 0 && unused < stackSize ? memory.read(start, stackSize - unused) : undefined;
  if (!stack) return undefined;
  const words = Array.from({ length: Math.floor(stack.length / wordSize) }, (_, index) =>
    wordSize === 8 ? stack.readBigUInt64LE(index * 8) : BigInt(stack.readUInt32LE(index * 4)),
  );
  const [text, end, scheduler, endOfScheduler] = ['_stext', '_etext', '__sched_text_start', '__sched_text_end'].map(
    (name) => symbols.address(name) ?? 0n,
  ) as [bigint, bigint, bigint, bigint];
  const isText = (word: bigint): boolean => word >= text && word < end;
  for (const word of [...returnAddresses(words, start, wordSize, isText), ...words.filter(isText)]) {
    const symbol = symbols.before(word);
    // The address of a function itself is a pointer to it, and nothing that a call has left.
    if (!symbol || symbol.address === word || symbol.name === '__switch_to_asm') continue;
    if (word < scheduler || word >= endOfScheduler) return symbol.name;
  }
  return undefined;
}

/** By the chain of frame pointers, whose first is the first word; as far as it leads outwards on the stack. */
function returnAddresses(
  words: readonly bigint[],
  start: bigint,
  wordSize: number,
  isText: (word: bigint) => boolean,
): bigint[] {
  const found: bigint[] = [];
  for (let at = 0; ;) {
    const address = words[at + 1];
    if (address === undefined || !isText(address)) return found;
    found.push(address);
    const next = Number(words[at]! - start) / wordSize;
    if (!Number.isInteger(next) || next <= at || next >= words.length) return found;
    at = next;
  }
}
