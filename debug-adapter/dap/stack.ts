/** Request family: threads, stack trace. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { list, text, tuple } from '../gdb/mi.ts';
import { KERNEL_NAMES, type KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';
import { frameId, kernelOf, threadOf } from './threads.ts';

const DEEPEST = 200;

export function threads(session: JumpSession): DebugProtocol.Thread[] {
  return KERNEL_NAMES.map((name) => ({ id: threadOf(name), name: `Kernel ${name} (${standing(session, name)})` }));
}

/** Whether a kernel is on the CPU, in a word. */
function standing(session: JumpSession, name: KernelName): string {
  if (session.live === name) return 'live';
  return session.router.dormantView(name) ? 'dormant' : 'not started';
}

export async function stackTrace(
  session: JumpSession,
  { threadId, startFrame = 0, levels = 0 }: DebugProtocol.StackTraceArguments,
): Promise<DebugProtocol.StackTraceResponse['body']> {
  const kernel = kernelOf(threadId);
  const gdb = session.gdbs[kernel];
  // A kernel that has not booted has no stack.
  if (gdb.isRunning || standing(session, kernel) === 'not started') return { stackFrames: [], totalFrames: 0 };
  const end = Math.min(startFrame + (levels === 0 ? DEEPEST : levels), DEEPEST) - 1;
  const results = await gdb.command(`-stack-list-frames --thread 1 ${startFrame} ${end}`);
  const frames = list(results['stack']).map(tuple);
  // Where unwinding fails, gdb ends with a frame that it knows nothing of; alone it is all there is to show.
  if (frames.length > 1 && text(frames.at(-1)?.['func']) === '??') frames.pop();
  const stackFrames = frames.map((frame) => {
    const file = text(frame['fullname']);
    const address = text(frame['addr']);
    const source = file && existsSync(file) ? { source: { name: basename(file), path: file } } : {};
    return {
      id: frameId({ kernel, level: Number(text(frame['level'])) }),
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
