/** The whole jump, driven through the debug adapter as an editor would drive it. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { parseFields } from '../../qemu-runner/agent.ts';
import type { JumpState, LaunchConfiguration, PhaseEvent, PhaseName } from '../protocol.ts';
import type { DapClient } from './dapClient.ts';
import type { Timeline } from './timeline.ts';

const BUILD_SECONDS = 3600;
const PHASE_SECONDS = 180;

/** What must be the same, or must have gone on, when kernel A is back. */
interface Canary {
  sha256: string;
  counter: number;
}

export interface SequenceResult {
  survived: boolean;
  before: Canary;
  after: Canary;
  phases: PhaseName[];
}

/**
 * Boots kernel A, plants a file and a counter in it, jumps to B and back, and looks whether A survived.
 * @throws UserFacingError when any step fails.
 */
export async function runJumpSequence(
  client: DapClient,
  timeline: Timeline,
  launch: LaunchConfiguration,
  onProgress: (message: string) => void,
): Promise<SequenceResult> {
  const phases: PhaseName[] = [];
  client.on('event', (event) => {
    if (event.event === 'kexecJump/phase') {
      timeline.phase(event.body as PhaseEvent);
      phases.push((event.body as PhaseEvent).phase);
    } else if (event.event === 'output') {
      const { category, output } = (event as DebugProtocol.OutputEvent).body;
      if (category === 'important') timeline.note(output.trimEnd());
    } else if (/^progress(Start|Update)$/.test(event.event)) {
      onProgress((event.body as { message?: string }).message ?? '');
    } else if (event.event === 'stopped') {
      void showAndContinue(client, timeline, event as DebugProtocol.StoppedEvent);
    }
  });
  await client.request('initialize', { adapterID: 'kexec-jump', pathFormat: 'path', supportsProgressReporting: true });
  const initialized = client.waitFor('initialized', BUILD_SECONDS);
  await Promise.all([client.request('launch', { ...launch, autoJump: false }, BUILD_SECONDS), initialized]);
  onProgress('');
  const aIsUp = waitForState(client, ({ canJump }) => canJump);
  await client.request('configurationDone');
  await aIsUp;

  const before = await canary(client, 'plant');
  timeline.note(`kernel A keeps a file with SHA-256 ${before.sha256.slice(0, 12)}… and counts: ${before.counter}`);
  const bIsUp = waitForState(client, ({ canJumpBack }) => canJumpBack);
  await client.request('kexecJump/jump');
  await bIsUp;
  const aIsBack = waitForState(client, ({ canJump }) => canJump);
  await client.request('kexecJump/jumpBack');
  await aIsBack;
  const after = await canary(client, 'check');
  timeline.note(`kernel A's file has SHA-256 ${after.sha256.slice(0, 12)}… and it has counted on: ${after.counter}`);
  return { survived: before.sha256 === after.sha256 && after.counter > before.counter, before, after, phases };
}

/** At each stop: the stack as an editor would show it, then on. */
async function showAndContinue(
  client: DapClient,
  timeline: Timeline,
  event: DebugProtocol.StoppedEvent,
): Promise<void> {
  const threadId = event.body.threadId ?? 1;
  const { stackFrames } = await client.request<DebugProtocol.StackTraceResponse['body']>('stackTrace', {
    threadId,
    startFrame: 0,
    levels: 8,
  });
  timeline.stop(stackFrames);
  await client.request('continue', { threadId });
}

async function waitForState(client: DapClient, fits: (state: JumpState) => boolean): Promise<void> {
  await client.waitFor('kexecJump/state', PHASE_SECONDS, (event) => fits(event.body as JumpState));
}

async function canary(client: DapClient, verb: 'plant' | 'check'): Promise<Canary> {
  const { text } = await client.request<{ text: string }>('kexecJump/agent', { verb, seconds: 60 }, 90);
  const { sha256 = '', counter = '' } = parseFields(text);
  return { sha256, counter: Number(counter) };
}
