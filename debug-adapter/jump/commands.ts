/** What a user orders of the two kernels, through the guest agent. */
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { UserFacingError } from '../../qemu-runner/errors.ts';
import { parseFields } from '../../qemu-runner/agent.ts';
import type { LaunchedMachine } from '../launchedMachine.ts';
import { agentNotOurs, notNow, savedImageOnly } from '../errors.ts';
import type { JumpSession } from './session.ts';

/** Seconds of the guest's running time that its boot may take. */
const BOOT_SECONDS = 120;

/** Waits until kernel A's agent answers, and keeps that moment for a restart. */
export async function waitForKernelA(session: JumpSession): Promise<void> {
  await session.agent.waitForHello('A', BOOT_SECONDS);
  await keepRestartPoint(session);
}

/**
 * Kernel A loads kernel B, if that is not done, and jumps. Returns when the jump was asked for.
 * @param intoNew whether it has to be a kernel B: what kernel A was resumed by has nothing that could be saved.
 */
export async function jump(session: JumpSession, intoNew = false): Promise<void> {
  const { window } = machineOfOurs(session, 'Kexec Jump');
  session.preflight.require('Kexec Jump', ['jump']);
  if (!session.state.canJump) {
    throw notNow('Kexec Jump', `kernel A does not run its programs (${standing(session)})`, 'Let it run first.');
  }
  const { loaded } = parseFields(await session.agent.request('status'));
  if (loaded !== '1' || (intoNew && session.peerRole !== 'B')) {
    const { min, max } = window;
    await session.agent.request('load', `min=${hex(min)} max=${hex(max)}`);
    await keepRestartPoint(session);
  }
  answerLater(session, session.agent.request('jump', '', Infinity));
}

/** Kernel B jumps back into kernel A. Returns when the jump was asked for. */
export function jumpBack(session: JumpSession): void {
  machineOfOurs(session, 'Kexec Jump Back');
  if (!session.state.canJumpBack) {
    throw notNow('Kexec Jump Back', `kernel B does not run its programs (${standing(session)})`, 'Let it run first.');
  }
  answerLater(session, session.agent.request('back', '', Infinity));
}

/** @throws UserFacingError when somebody else's machine, or none, is debugged: there the guest's agent does not listen to us. */
export function machineOfOurs({ configuration: { machine } }: JumpSession, what: string): LaunchedMachine {
  if (machine.kind === 'attach') throw agentNotOurs(what);
  if (machine.kind === 'image') throw savedImageOnly();
  return machine;
}

/** The phase, and whether the user holds the machine. */
function standing({ state: { phase, running } }: JumpSession): string {
  return `phase: ${phase || 'booting'}${running ? '' : ', stopped'}`;
}

/** Goes back to the restart point, most often kernel A with kernel B loaded, and jumps again if that is the configuration's wish. */
export async function restart(session: JumpSession): Promise<void> {
  await session.run.goBack(async () => session.snapshots.goTo('restart'));
  await session.run.execute(session.live, '-exec-continue');
  if (session.configuration.autoJump && session.state.canJump) await jump(session);
}

/** Brings the machine back to a snapshot, where it is stopped. @throws UserFacingError when it does not fit. */
export async function loadSnapshot(session: JumpSession, name: string): Promise<void> {
  await session.run.goBack(async () => session.snapshots.load(name));
  await session.run.standStill(`Snapshot "${name}"`);
}

/** The same at the beginning of a session, which a restart goes back to. */
export async function beginAtSnapshot(session: JumpSession, name: string): Promise<void> {
  await session.run.goBack(async () => session.snapshots.load(name));
  await keepRestartPoint(session);
  await session.run.standStill(`Snapshot "${name}"`);
}

/** Keeps the machine as it is now, for `restart`. A disk of the user's that has no snapshots costs only that. */
async function keepRestartPoint(session: JumpSession): Promise<void> {
  await session.snapshots.keep('restart').catch((error: unknown) => {
    if (!session.isEnding) session.emit('problem', error as Error);
  });
}

/** A jump is answered when its kernel is back, if ever; a failure is told whenever it comes. */
export function answerLater(session: JumpSession, answer: Promise<string>): void {
  answer.catch((error: unknown) => {
    const wasAbandoned = error instanceof UserFacingError && error.code === 'session-stopped';
    if (!wasAbandoned) session.emit('problem', error as Error);
  });
}
