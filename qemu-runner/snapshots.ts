/**
 * Snapshots of the whole machine, each in a disk image of its own: only qcow2 can hold a machine's state.
 * Source: QEMU, qapi/migration.json (snapshot-save, snapshot-load), qapi/job.json.
 */
import { execFile } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { qemuImgMissing, snapshotFailed } from './errors.ts';
import { HIBERNATION_DISK } from './qemuArguments.ts';
import type { QmpClient } from './qmp.ts';

const CREATE_SECONDS = 10;
const SNAPSHOT_SECONDS = 120;
const POLL_MS = 5;

/** Names inside QEMU and the image. */
const NODE = 'kexec-jump-snapshot';
const TAG = 'machine';

/**
 * Saves the machine, running or stopped, into a new image; it goes on as it was. An image that stands at the path is replaced
 * when the new one is whole.
 * @throws UserFacingError `qemu-img-missing`, or `snapshot-failed` with QEMU's words.
 */
export async function saveMachine(qmp: QmpClient, path: string): Promise<void> {
  const unfinished = `${path}.unfinished`;
  rmSync(unfinished, { force: true });
  const args = ['create', '-q', '-f', 'qcow2', unfinished, '1M'];
  await promisify(execFile)('qemu-img', args, { timeout: CREATE_SECONDS * 1000 }).catch((error: unknown) => {
    throw qemuImgMissing((error as Error).message);
  });
  try {
    await withImage(qmp, unfinished, async () => runJob(qmp, 'save'));
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Brings a stopped machine back to a snapshot; it stays stopped. Nobody who caches its state is told. */
export async function loadMachine(qmp: QmpClient, path: string): Promise<void> {
  if (!existsSync(path)) throw snapshotFailed('load', `there is no file ${path}`);
  await withImage(qmp, path, async () => runJob(qmp, 'load'));
}

async function withImage(qmp: QmpClient, path: string, work: () => Promise<void>): Promise<void> {
  const file = { driver: 'file', filename: path };
  await qmp.command('blockdev-add', { driver: 'qcow2', 'node-name': NODE, file });
  try {
    await work();
  } finally {
    await qmp.command('blockdev-del', { 'node-name': NODE });
  }
}

interface Job {
  id: string;
  status: string;
  error?: string;
}

async function runJob(qmp: QmpClient, what: 'save' | 'load'): Promise<void> {
  const job = `kexec-jump-${what}`;
  const devices = [NODE, ...(await writableDisks(qmp))];
  await qmp.command(`snapshot-${what}`, { 'job-id': job, tag: TAG, vmstate: NODE, devices });
  for (let waited = 0; waited < SNAPSHOT_SECONDS * 1000; waited += POLL_MS) {
    const jobs = (await qmp.command('query-jobs')) as Job[];
    const found = jobs.find(({ id }) => id === job);
    if (found?.status === 'concluded') {
      await qmp.command('job-dismiss', { id: job });
      if (found.error !== undefined) throw snapshotFailed(what, found.error);
      return;
    }
    await delay(POLL_MS);
  }
  throw snapshotFailed(what, `it takes longer than ${SNAPSHOT_SECONDS} s`);
}

interface BlockDevice {
  device: string;
  inserted?: { ro: boolean; 'node-name': string };
}

/**
 * The guest's disks, which a snapshot must hold too, else they would be of another time than the memory. The one for saved images is
 * only written.
 */
async function writableDisks(qmp: QmpClient): Promise<string[]> {
  const devices = (await qmp.command('query-block')) as BlockDevice[];
  const disks = devices.filter(({ device }) => device !== HIBERNATION_DISK);
  return disks.flatMap(({ inserted }) => (inserted && !inserted.ro ? inserted['node-name'] : []));
}
