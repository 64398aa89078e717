/** Snapshots of the whole machine, kept in a disk image of the session's own: savevm and loadvm. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { qemuImgMissing, snapshotFailed } from './errors.ts';
import type { QmpClient } from './qmp.ts';

const CREATE_SECONDS = 10;
const SNAPSHOT_SECONDS = 120;

/**
 * Makes the image that snapshots are kept in. It has no disk for the guest: only qcow2 can hold a machine's state.
 * @throws UserFacingError `qemu-img-missing`.
 */
export async function createSnapshotImage(path: string): Promise<void> {
  const args = ['create', '-q', '-f', 'qcow2', path, '1M'];
  await promisify(execFile)('qemu-img', args, { timeout: CREATE_SECONDS * 1000 }).catch((error: unknown) => {
    throw qemuImgMissing((error as Error).message);
  });
}

/**
 * Saves the machine under a name, running or stopped; it goes on as it was.
 * @throws UserFacingError `snapshot-failed` with QEMU's words.
 */
export async function saveSnapshot(qmp: QmpClient, name: string): Promise<void> {
  await monitor(qmp, 'savevm', name);
}

/** Brings a stopped machine back to a snapshot; it stays stopped. Nobody who caches its state is told. */
export async function loadSnapshot(qmp: QmpClient, name: string): Promise<void> {
  await monitor(qmp, 'loadvm', name);
}

/** These commands answer nothing when they succeed. */
async function monitor(qmp: QmpClient, command: 'savevm' | 'loadvm', name: string): Promise<void> {
  const line = { 'command-line': `${command} ${name}` };
  const answer = String(await qmp.command('human-monitor-command', line, SNAPSHOT_SECONDS)).trim();
  if (answer) throw snapshotFailed(command, name, answer);
}
