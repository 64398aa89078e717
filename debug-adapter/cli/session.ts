/** A session of the command-line tool: begun and followed as an editor would. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { parseFields } from '../../qemu-runner/agent.ts';
import { kernelException } from '../errors.ts';
import {
  describeTransfer,
  type ExceptionEvent,
  type JumpState,
  type LaunchConfiguration,
  type PhaseEvent,
  type PhaseName,
  type TransferEvent,
} from '../protocol.ts';
import type { DapClient } from './dapClient.ts';
import type { Timeline } from './timeline.ts';

const BUILD_SECONDS = 3600;
const PHASE_SECONDS = 180;

/** What must be the same, or must have gone on, when kernel A is back. */
export interface Canary {
  sha256: string;
  counter: number;
}

/**
 * Launches, and shows from now on what happens: phases, stops, transfers.
 * @param onProgress what is being done, or nothing any more.
 * @returns the phases, as they come.
 */
export async function openSession(
  client: DapClient,
  timeline: Timeline,
  launch: LaunchConfiguration,
  onProgress: (message: string) => void,
): Promise<PhaseName[]> {
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
    } else if (event.event === 'kexecJump/transfer') {
      onProgress(describeTransfer(event.body as TransferEvent));
    } else if (event.event === 'stopped') {
      showAndContinue(client, timeline, event as DebugProtocol.StoppedEvent).catch((error: unknown) => {
        timeline.note((error as Error).message);
      });
    }
  });
  await client.request('initialize', { adapterID: 'kexec-jump', pathFormat: 'path', supportsProgressReporting: true });
  const initialized = client.waitFor('initialized', BUILD_SECONDS);
  await Promise.all([client.request('launch', { ...launch, autoJump: false }, BUILD_SECONDS), initialized]);
  onProgress('');
  return phases;
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
  if (event.body.reason === 'exception') return;
  await client.request('continue', { threadId });
}

/** Does something in a session, unless a kernel meets an exception: that ends it. @throws UserFacingError of the exception. */
export async function unlessException<T>(client: DapClient, work: () => Promise<T>): Promise<T> {
  const exception = new Promise<never>((_, reject) => {
    client.on('event', ({ event, body }) => {
      if (event !== 'kexecJump/exception') return;
      const { kernel, text } = body as ExceptionEvent;
      reject(kernelException(kernel, text));
    });
  });
  return Promise.race([work(), exception]);
}

/** Waits until the session says so. */
export async function waitForState(client: DapClient, fits: (state: JumpState) => boolean): Promise<void> {
  await client.waitFor('kexecJump/state', PHASE_SECONDS, (event) => fits(event.body as JumpState));
}

/** Lets the machine begin, and waits until kernel A runs its programs. */
export async function untilKernelA(client: DapClient): Promise<void> {
  const isUp = waitForState(client, ({ canJump }) => canJump);
  await client.request('configurationDone');
  await isUp;
}

/** Plants a file and a counter in kernel A, or looks at them. */
export async function canary(client: DapClient, verb: 'plant' | 'check'): Promise<Canary> {
  const { text } = await client.request<{ text: string }>('kexecJump/agent', { verb, seconds: 60 }, 90);
  const { sha256 = '', counter = '' } = parseFields(text);
  return { sha256, counter: Number(counter) };
}
