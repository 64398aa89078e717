/** From a launch or attach request to a machine, with progress. */
import { ensureLab } from '../../qemu-runner/guest/lab.ts';
import { guestOfConfiguration, isCore, needsLab, resolveConfiguration } from '../configuration.ts';
import { JumpSession } from '../jump/session.ts';
import type { AttachConfiguration, LaunchConfiguration } from '../protocol.ts';
import type { Progress } from './progress.ts';

/**
 * Builds the lab guest if it is needed and not there, and starts the machine, stopped before its first instruction; or stops
 * the user's.
 * @throws UserFacingError, or the signal's reason when it was aborted; then nothing is left running.
 */
export async function startMachine(
  wanted: LaunchConfiguration | AttachConfiguration,
  progress: Progress,
  signal: AbortSignal,
): Promise<JumpSession> {
  try {
    const lab = needsLab(wanted)
      ? await ensureLab({
          guest: guestOfConfiguration(wanted),
          signal,
          onProgress: ({ step, detail, fraction }) => {
            progress.report('Building the lab guest', detail ? `${step}: ${detail}` : step, fraction);
          },
        })
      : undefined;
    if (isCore(wanted)) progress.report('Opening the image', [wanted.core].flat().join(', '));
    else progress.report('Starting the machine', 'QEMU and two gdb processes, which read the symbols of both kernels');
    const configuration = await resolveConfiguration(wanted, lab);
    signal.throwIfAborted();
    const session = await JumpSession.start(configuration);
    if (signal.aborted) await session.stop();
    signal.throwIfAborted();
    return session;
  } finally {
    progress.end();
  }
}
