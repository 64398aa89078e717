/** `kexec-jump audit`: jumps there and back, and what their audit found. */
import { UserFacingError } from '../../qemu-runner/errors.ts';
import type { AuditReport } from '../../vmcore-viewer/core/auditReport.ts';
import type { Audit, LaunchConfiguration } from '../protocol.ts';
import type { DapClient } from './dapClient.ts';
import { runJumpSequence } from './jumpSequence.ts';
import type { Timeline } from './timeline.ts';

/** Exit statuses beside 0, which says that every page is where it should be, and that all of it was looked at. */
const VIOLATION = 1;
const NOT_JUDGED = 3;

/**
 * Shows the jump in a timeline, and writes the report.
 * @param trips how often there and back. Kernel B's memory is judged over each of kernel A's runs between two of them.
 * @returns the exit status. A violation outweighs a failure of the machine, which it may have caused.
 */
export async function runAudit(
  client: DapClient,
  timeline: Timeline,
  launch: LaunchConfiguration,
  trips: number,
  { onProgress, write }: { onProgress: (message: string) => void; write: (text: string) => void },
): Promise<number> {
  let failure: unknown;
  try {
    await runJumpSequence(client, timeline, { ...launch, audit: true, stopAt: [] }, onProgress, trips);
  } catch (error) {
    failure = error;
  }
  const audit = await client.request<Audit>('kexecJump/audit').catch((error: unknown) => {
    failure ??= error;
    return undefined;
  });
  if (audit) write(audit.text);
  if (failure !== undefined) {
    timeline.note(failure instanceof UserFacingError ? failure.describe() : (failure as Error).message);
  }
  if (audit && audit.violations > 0) return VIOLATION;
  return audit && failure === undefined && audit.jumps.every(isJudged) ? 0 : NOT_JUDGED;
}

/** Wholly, as far as it went: kernel B is away in the end, and its last jump under way. */
function isJudged({ kernel, isUnderWay, stages }: AuditReport): boolean {
  return stages.every(({ status }) => status === 'judged' || (status === 'notReached' && isUnderWay && kernel === 'B'));
}
