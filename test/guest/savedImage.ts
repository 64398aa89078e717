/** An image of kernel A, saved by kernel B: /proc/vmcore, written to a disk of the guest's. */
import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { Debuggee } from './debuggee.ts';

/** More than the memory of the guest, in bytes. */
const DISK_SIZE = 300 << 20;
const SAVE_SECONDS = 240;

/** What is done before kernel B saves: in kernel A before the jump, and while kernel B runs. */
interface Meanwhile {
  inA?: (debuggee: Debuggee) => Promise<void>;
  inB?: (debuggee: Debuggee) => Promise<void>;
}

/** A machine whose kernel B has saved kernel A and goes on. */
export interface SavedMachine {
  debuggee: Debuggee;
  /** Re-entry point of kernel A. */
  entry: number;
}

/** Runs a command in the live kernel. @returns what it has written. */
export async function runInGuest(debuggee: Debuggee, command: string, seconds?: number): Promise<string> {
  const { status, output = '' } = await debuggee.agent('run', command, seconds);
  const text = Buffer.from(output, 'base64').toString();
  assert.equal(status, '0', text);
  return text;
}

/** Boots, jumps and saves. @param path of the file. */
export async function saveAndGoOn(
  path: string,
  window: LaunchConfiguration['window'],
  { inA, inB }: Meanwhile = {},
): Promise<SavedMachine> {
  writeFileSync(path, '');
  truncateSync(path, DISK_SIZE);
  const disk = [
    '-drive',
    `file=${path},format=raw,if=none,id=disk,cache=unsafe`,
    '-device',
    'virtio-blk-pci,drive=disk',
  ];
  const launch = { ...(window ? { window } : {}), autoJump: false, stopAt: [], qemu: { args: disk } };
  const debuggee = await Debuggee.launch(launch);
  await debuggee.ready('canJump');
  await inA?.(debuggee);
  await debuggee.client.request('kexecJump/jump');
  await debuggee.ready('canJumpBack');
  await inB?.(debuggee);
  const { entry } = await debuggee.agent('status');
  const save = 'cat /proc/vmcore >/dev/vda && sync && wc -c </proc/vmcore';
  const length = await runInGuest(debuggee, save, SAVE_SECONDS);
  truncateSync(path, Number(length));
  return { debuggee, entry: Number(entry) };
}

/** The same, and ends the machine. @returns the re-entry point of kernel A. */
export async function saveImage(
  path: string,
  window: LaunchConfiguration['window'],
  meanwhile?: Meanwhile,
): Promise<number> {
  const { debuggee, entry } = await saveAndGoOn(path, window, meanwhile);
  await debuggee.end();
  return entry;
}
