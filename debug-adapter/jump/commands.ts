/** What a user orders of the two kernels, through the guest agent. */
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { parseFields } from '../../qemu-runner/agent.ts';
import { notNow } from '../errors.ts';
import type { JumpSession } from './session.ts';

/** Seconds of the guest's running time that its boot may take. */
const BOOT_SECONDS = 120;

/** Waits until kernel A's agent answers. */
export async function waitForKernelA(session: JumpSession): Promise<void> {
  await session.agent.waitForHello('A', BOOT_SECONDS);
}

/** Kernel A loads kernel B, if that is not done, and jumps. Returns when the jump was asked for. */
export async function jump(session: JumpSession): Promise<void> {
  if (!session.state.canJump) {
    throw notNow('Kexec Jump', `kernel A does not run its programs (${standing(session)})`, 'Let it run first.');
  }
  const { loaded } = parseFields(await session.agent.request('status'));
  if (loaded !== '1') {
    const { min, max } = session.configuration.window;
    await session.agent.request('load', `min=${hex(min)} max=${hex(max)}`);
  }
  answerLater(session, session.agent.request('jump', '', Infinity));
}

/** Kernel B jumps back into kernel A. Returns when the jump was asked for. */
export function jumpBack(session: JumpSession): void {
  if (!session.state.canJumpBack) {
    throw notNow('Kexec Jump Back', `kernel B does not run its programs (${standing(session)})`, 'Let it run first.');
  }
  answerLater(session, session.agent.request('back', '', Infinity));
}

/** The phase, and whether the user holds the machine. */
function standing({ state: { phase, running } }: JumpSession): string {
  return `phase: ${phase || 'booting'}${running ? '' : ', stopped'}`;
}

/** A jump is answered when its kernel is back, if ever; a failure is told whenever it comes. */
function answerLater(session: JumpSession, answer: Promise<string>): void {
  answer.catch((error: unknown) => {
    if (!session.isEnding) session.emit('problem', error as Error);
  });
}
