/** What a user orders of the two kernels, through the guest agent. */
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { parseFields } from '../../qemu-runner/agent.ts';
import { notNow } from '../errors.ts';
import type { JumpSession } from './session.ts';

/** Seconds of the guest's running time that its boot may take. */
const BOOT_SECONDS = 120;

/** Waits until kernel A's agent answers, and keeps that moment for a restart. */
export async function waitForKernelA(session: JumpSession): Promise<void> {
  await session.agent.waitForHello('A', BOOT_SECONDS);
  await session.saveRestartPoint();
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
    await session.saveRestartPoint();
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

/** Goes back to kernel A with kernel B loaded, and jumps again if the configuration says so. */
export async function restart(session: JumpSession): Promise<void> {
  await session.restart();
  if (session.configuration.autoJump) await jump(session);
}

/** A jump is answered when its kernel is back, if ever; a failure is told whenever it comes. */
function answerLater(session: JumpSession, answer: Promise<string>): void {
  answer.catch((error: unknown) => {
    const wasAbandoned = error instanceof UserFacingError && error.code === 'session-stopped';
    if (!wasAbandoned) session.emit('problem', error as Error);
  });
}
