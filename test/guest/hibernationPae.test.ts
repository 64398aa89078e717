/** Hibernation of a kernel A with memory above 4 GiB: the image is an ELF64 core, and kernel C reaches all of its places. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchConfiguration } from '../../debug-adapter/protocol.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { readResumeNote } from '../../vmcore-viewer/core/resumeNote.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';

const GIB = 2 ** 30;
/** MiB; a PC has 3 GiB of it below the hole. */
const MEMORY = 5120;
const LAUNCH: LaunchConfiguration = { guest: '6.1-pae', autoJump: false, stopAt: [] };

describe('hibernation with memory above 4 GiB', () => {
  inOrder();
  const folder = mkdtempSync(join(tmpdir(), 'kexec-pae-'));
  const path = join(folder, 'a.vmcore');
  let debuggee: Debuggee;
  let planted: Record<string, string>;

  after(async () => {
    await Debuggee.endAll();
    rmSync(folder, { recursive: true });
  });

  it('saves kernel A as an ELF64 core, without its free pages', async () => {
    debuggee = await Debuggee.launch({ ...LAUNCH, memory: MEMORY });
    await debuggee.ready('canJump');
    planted = await debuggee.agent('plant', '20');
    const report = await debuggee.hibernate({ path, level: 17, after: 'poweroff' });
    await debuggee.hasTerminated();
    await debuggee.end();
    assert.ok(report.bytes < GIB / 4, JSON.stringify(report));
    assert.ok(report.leftOut > (4 * GIB) / 4096, JSON.stringify(report));
    const image = openImage([path]);
    assert.equal(image.format, 'ELF64 core with EM_386');
    const { memoryEnd } = readResumeNote(image.notes)!;
    assert.ok(memoryEnd > 5.9 * GIB && memoryEnd <= 6 * GIB, String(memoryEnd));
    image.close();
  });

  it('brings it back', async () => {
    debuggee = await Debuggee.launch({ ...LAUNCH, resume: path });
    await debuggee.ready('canJump', 240);
    assert.equal((await debuggee.agent('check'))['sha256'], planted['sha256']);
    await debuggee.end();
  });
});
