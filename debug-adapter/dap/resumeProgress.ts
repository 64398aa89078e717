/** The bar of a resume, from the boot of kernel C to its jump. */
import { resumeKernelA } from '../jump/hibernation.ts';
import type { JumpSession } from '../jump/session.ts';
import { describeTransfer, type TransferEvent } from '../jump/transfers.ts';
import type { Progress } from './progress.ts';

const TITLE = 'Kexec Resume';

/** @throws as `resumeKernelA`. */
export async function resumeWithProgress(session: JumpSession, progress: Progress): Promise<void> {
  const follow = (event: TransferEvent): void => {
    progress.report(TITLE, describeTransfer(event), event.bytes / event.total);
  };
  session.on('transfer', follow);
  progress.report(TITLE, 'Kernel C boots');
  try {
    await resumeKernelA(session);
  } finally {
    session.off('transfer', follow);
    progress.end();
  }
}
