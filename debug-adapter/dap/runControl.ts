/** Request family: run control. Only the kernel that is on the CPU can be stepped. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { notNow } from '../errors.ts';
import { lastReport } from '../jump/exceptions.ts';
import type { JumpSession } from '../jump/session.ts';
import { currentSwap, swapStep } from '../jump/swapSteps.ts';
import { cpuOf, kernelOf } from './threads.ts';

const STEPS = {
  next: { line: '-exec-next', instruction: '-exec-next-instruction' },
  stepIn: { line: '-exec-step', instruction: '-exec-step-instruction' },
  stepOut: { line: '-exec-finish', instruction: '-exec-finish' },
} as const;

/** In the swap of pages a line is an instruction. There a step in is one of the three copies, over a page, out the rest. */
const SWAP_STEPS = { stepIn: 'copy', next: 'page', stepOut: 'end' } as const;

/** Steps a kernel. @throws UserFacingError `kernel-dormant` for one that is not on the CPU. */
export async function step(
  session: JumpSession,
  how: keyof typeof STEPS,
  { threadId, granularity }: DebugProtocol.NextArguments,
): Promise<void> {
  const { kernel, cpu } = cpuOf(threadId);
  if (granularity !== 'instruction' && kernel === session.live && (await currentSwap(session))) {
    await swapStep(session, { kind: SWAP_STEPS[how] });
    return;
  }
  const command = STEPS[how][granularity === 'instruction' ? 'instruction' : 'line'];
  const options = how === 'stepOut' ? ` --frame ${session.run.hiddenFrames(kernel, cpu)}` : '';
  await session.run.execute(kernel, command + options, cpu);
}

/** Lets the machine go on, whichever of the two kernels the user looks at. */
export async function goOn(session: JumpSession): Promise<void> {
  if (session.run.isStopped) await session.run.execute(session.live, '-exec-continue');
}

/** A kernel cannot be sent to another line. */
export function refuseGoto(): never {
  throw notNow(
    'Jumping to another line',
    'a kernel that skips or repeats code keeps locks, references and devices in a state it does not expect',
    'Use Run to Cursor; or, if you know better, change $eip in the Registers.',
  );
}

/** The exception in which a kernel is stopped. */
export function exceptionInfo(session: JumpSession, threadId: number): DebugProtocol.ExceptionInfoResponse['body'] {
  const kernel = kernelOf(threadId);
  const exception = session.run.exceptionOf(kernel);
  if (!exception) throw notNow('Telling of an exception', `kernel ${kernel} is in none`, 'Let it go on.');
  return {
    exceptionId: exception.text,
    breakMode: 'always',
    details: { message: exception.text, stackTrace: lastReport(session.consoleTail(kernel)) },
  };
}
