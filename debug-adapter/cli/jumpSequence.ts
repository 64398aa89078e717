/** The whole jump, driven through the debug adapter as an editor would drive it. */
import type { LaunchConfiguration, PhaseName } from '../protocol.ts';
import type { DapClient } from './dapClient.ts';
import { canary, openSession, unlessException, untilKernelA, waitForState, type Canary } from './session.ts';
import type { Timeline } from './timeline.ts';

export interface SequenceResult {
  survived: boolean;
  before: Canary;
  after: Canary;
  phases: PhaseName[];
}

/**
 * Boots kernel A, plants a file and a counter in it, jumps to B and back so many times, and looks whether A survived.
 * @throws UserFacingError when any step fails.
 */
export async function runJumpSequence(
  client: DapClient,
  timeline: Timeline,
  launch: LaunchConfiguration,
  onProgress: (message: string) => void,
  trips = 1,
): Promise<SequenceResult> {
  return unlessException(client, async () => jumpThereAndBack(client, timeline, launch, onProgress, trips));
}

async function jumpThereAndBack(
  client: DapClient,
  timeline: Timeline,
  launch: LaunchConfiguration,
  onProgress: (message: string) => void,
  trips: number,
): Promise<SequenceResult> {
  const phases = await openSession(client, timeline, launch, onProgress);
  await untilKernelA(client);

  const before = await canary(client, 'plant');
  timeline.note(`kernel A keeps a file with SHA-256 ${before.sha256.slice(0, 12)}… and counts: ${before.counter}`);
  for (let trip = 0; trip < trips; trip++) {
    const bIsUp = waitForState(client, ({ canJumpBack }) => canJumpBack);
    await client.request('kexecJump/jump');
    await bIsUp;
    const aIsBack = waitForState(client, ({ canJump }) => canJump);
    await client.request('kexecJump/jumpBack');
    await aIsBack;
  }
  const after = await canary(client, 'check');
  timeline.note(`kernel A's file has SHA-256 ${after.sha256.slice(0, 12)}… and it has counted on: ${after.counter}`);
  return { survived: before.sha256 === after.sha256 && after.counter > before.counter, before, after, phases };
}
