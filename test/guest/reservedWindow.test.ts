/** The first generation's form: kernel B in memory that kernel A was told never to use, so that no page of kernel A is swapped. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { PRESENCE } from '../../vmcore-viewer/core/images/memoryImage.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { readResumeNote } from '../../vmcore-viewer/core/resumeNote.ts';
import { NAMED_WINDOWS } from '../../qemu-runner/window.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { runInGuest } from './savedImage.ts';

const { min, max } = NAMED_WINDOWS.high;
const ADDRESSES = [min, max].map((address) => `0${address.toString(16)}`).join('-');

/** Words of kernel A's command line that keep the window free, and what /proc/iomem calls it then. */
const FORMS = [
  { append: 'crashkernel=32M@32M', called: 'Crash kernel' },
  { append: 'memmap=32M$32M', called: 'Reserved' },
] as const;

for (const { append, called } of FORMS) {
  describe(`a window that kernel A never uses, by ${append}`, () => {
    inOrder();
    const folder = mkdtempSync(join(tmpdir(), 'kexec-reserved-'));
    const path = join(folder, 'a.vmcore');
    let debuggee: Debuggee;
    let planted: Record<string, string>;
    after(async () => {
      await Debuggee.endAll();
      rmSync(folder, { recursive: true });
    });

    it('is jumped to and back from, and kernel A can be looked at meanwhile', async () => {
      debuggee = await Debuggee.launch({ window: 'high', kernelA: { append }, autoJump: false, stopAt: [] });
      await debuggee.ready('canJump');
      const iomem = await runInGuest(debuggee, 'cat /proc/iomem');
      assert.match(iomem, new RegExp(`${ADDRESSES} : ${called}`));
      planted = await debuggee.agent('plant', '20');
      await debuggee.client.request('kexecJump/jump');
      await debuggee.ready('canJumpBack');
      const [innermost, caller] = await debuggee.stack(1);
      assert.deepEqual([innermost?.name, caller?.name], ['machine_kexec', 'kernel_kexec']);
      await debuggee.client.request('kexecJump/jumpBack');
      await debuggee.ready('canJump');
      assert.equal((await debuggee.agent('check'))['sha256'], planted['sha256']);
    });

    it('is saved without it: nothing of kernel A is there', async () => {
      await debuggee.hibernate({ path, level: 0, after: 'poweroff' });
      await debuggee.hasTerminated();
      await debuggee.end();
      const image = openImage([path]);
      assert.deepEqual(readResumeNote(image.notes)?.window, [min, max]);
      const presence = image.presence(min / PAGE_SIZE, (max + 1 - min) / PAGE_SIZE);
      assert.ok(presence.every((byte) => byte === PRESENCE.absent));
      image.close();
    });

    it('is where kernel C resumes it from', async () => {
      debuggee = await Debuggee.launch({ resume: path, stopAt: [] });
      await debuggee.ready('canJump');
      assert.equal((await debuggee.agent('check'))['sha256'], planted['sha256']);
      await debuggee.end();
    });
  });
}
