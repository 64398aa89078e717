/** Request family: threads, stack trace. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { list, text, tuple } from '../gdb/mi.ts';
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';
import { standing } from '../jump/describe.ts';
import type { JumpSession } from '../jump/session.ts';
import { stackOf, type ReadAhead } from './readAhead.ts';
import { cpuOf, frameId, threadOf } from './threads.ts';

const DEEPEST = 200;

/** Files that are here: the same ones are in every stack. */
const present = new Set<string>();

function isPresent(path: string): boolean {
  if (!present.has(path) && existsSync(path)) present.add(path);
  return present.has(path);
}

/** The CPUs of each kernel; a kernel that has not been started is shown by its first one. */
export async function threads(session: JumpSession): Promise<DebugProtocol.Thread[]> {
  await session.router.views.lookAround();
  // What is not in a saved image never will be.
  const there = KERNEL_NAMES.filter((name) => !session.isSaved || standing(session, name) !== 'not started');
  return there.flatMap((kernel) =>
    cpusOf(session, kernel).map((cpu) => ({
      id: threadOf({ kernel, cpu }),
      name: `Kernel ${session.titleOf(kernel)}${whichCpu(session, kernel, cpu)}`,
    })),
  );
}

/** In words, where a machine has more than one. */
function whichCpu(session: JumpSession, kernel: KernelName, cpu: number): string {
  const { cpuCount, views } = session.router;
  const which = cpuCount > 1 && views.cpusOf(kernel).length > 0 ? `, CPU ${cpu}` : '';
  return `${which} (${views.isParked(kernel, cpu) ? 'parked' : standing(session, kernel)})`;
}

export function cpusOf(session: JumpSession, kernel: KernelName): readonly number[] {
  const cpus = session.router.views.cpusOf(kernel);
  return cpus.length > 0 ? cpus : [0];
}

/** A stack, from the innermost frame on. */
export async function stackTrace(
  session: JumpSession,
  ahead: ReadAhead,
  { threadId, startFrame = 0, levels = 0 }: DebugProtocol.StackTraceArguments,
): Promise<DebugProtocol.StackTraceResponse['body']> {
  const { kernel, cpu } = cpuOf(threadId);
  const gdb = session.gdbs[kernel];
  // A kernel that has not booted has no stack.
  if (gdb.isRunning || standing(session, kernel) === 'not started') return { stackFrames: [], totalFrames: 0 };
  const end = Math.min(startFrame + (levels === 0 ? DEEPEST : levels), DEEPEST) - 1;
  const results = await ahead.take(kernel, stackOf(session, { kernel, cpu }, startFrame, end));
  const frames = list(results['stack']).map(tuple);
  // Where unwinding ends, at a program or where it fails, gdb makes frames up; alone such a frame is all there is to show.
  while (frames.length > 1 && text(frames.at(-1)?.['func']) === '??') frames.pop();
  const stackFrames = frames.map((frame) => {
    const file = text(frame['fullname']);
    const address = text(frame['addr']);
    const source = file && isPresent(file) ? { source: { name: basename(file), path: file } } : {};
    return {
      id: frameId({ kernel, cpu, level: Number(text(frame['level'])) }),
      name: text(frame['func']) || address,
      line: 'source' in source ? Number(text(frame['line'])) : 0,
      column: 0,
      instructionPointerReference: address,
      ...source,
      ...('source' in source ? {} : { presentationHint: 'subtle' as const }),
    };
  });
  // Without a total the client asks for more frames as it shows them.
  return stackFrames.length <= end - startFrame
    ? { stackFrames, totalFrames: startFrame + stackFrames.length }
    : { stackFrames };
}
