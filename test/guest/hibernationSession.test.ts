/** Hibernation as a client of the adapter has it: one request saves kernel A, one launch resumes it under the debugger. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { readResumeNote } from '../../vmcore-viewer/core/resumeNote.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee, SAVING_SECONDS } from './debuggee.ts';

const MIB = 1 << 20;

for (const window of ['low', 'high'] as const) {
  describe(`hibernation under the debugger, ${window} window`, () => {
    inOrder();
    const folder = mkdtempSync(join(tmpdir(), 'kexec-hibernation-'));
    const path = join(folder, 'a.vmcore');
    let debuggee: Debuggee;
    let planted: Record<string, string>;
    after(async () => {
      await Debuggee.endAll();
      rmSync(folder, { recursive: true });
    });

    it('saves kernel A through kernel B, and powers off', async () => {
      debuggee = await Debuggee.launch({ window, autoJump: false, stopAt: [] });
      await debuggee.ready('canJump');
      planted = await debuggee.agent('plant', '20');
      const report = await debuggee.hibernate({ path, level: 17, after: 'poweroff' });
      await debuggee.hasTerminated();
      assert.equal(report.bytes, statSync(path).size);
      assert.ok(report.compared > 5000 && report.leftOut > 30_000, JSON.stringify(report));
      assert.deepEqual([...new Set(debuggee.transfers.map(({ what }) => what))], ['saving', 'copying']);
      assert.equal(debuggee.transfers.at(-1)?.bytes, report.bytes);
      const image = openImage([path]);
      assert.equal(readResumeNote(image.notes)?.entry, report.entry);
      assert.equal(image.entry, BigInt(report.entry));
      image.close();
      await debuggee.end();
    });

    for (const time of ['for the first time', 'once more', 'for the third time']) {
      it(`resumes it ${time}, with its stack in sight before, and saves it again`, async () => {
        debuggee = await Debuggee.launch({ resume: path, stopAt: ['B running', 'A resuming'] });
        let before: string[] = [];
        // The kernel C that is booted has to load one into a high window, where it is to live.
        for (let kernels = window === 'low' ? 1 : 2; kernels > 0; kernels--) {
          const stop = await debuggee.stop();
          assert.deepEqual([stop.description, stop.functions[0]], ['Phase: B running', 'run_init_process']);
          before = (await debuggee.stack(1)).map(({ name }) => name);
          assert.deepEqual(before.slice(0, 2), ['machine_kexec', 'kernel_kexec']);
          await debuggee.proceed(2);
        }
        const stop = await debuggee.stop();
        assert.deepEqual([stop.description, stop.threadId, ...stop.functions], ['Phase: A resuming', 1, ...before]);
        await debuggee.proceed(1);
        await debuggee.ready('canJump');
        const { sha256, counter } = await debuggee.agent('check');
        assert.equal(sha256, planted['sha256']);
        assert.ok(Number(counter) >= Number(planted['counter']), `${counter} after ${planted['counter']}`);
        planted = { sha256: sha256!, counter: counter! };
        await debuggee.client.request('kexecJump/setStop', { name: 'B running', on: false });
        await debuggee.client.request('kexecJump/setStop', { name: 'A resuming', on: false });
        await debuggee.hibernate({ path, level: 1, after: 'poweroff' });
        await debuggee.hasTerminated();
        await debuggee.end();
      });
    }

    it('saves it as soon as it is up, when the configuration says so', async () => {
      const early = join(folder, 'early.vmcore');
      debuggee = await Debuggee.launch({ window, stopAt: [], hibernate: { path: early } });
      await debuggee.hasTerminated(SAVING_SECONDS);
      assert.match(debuggee.output, /Kernel A is saved in .*early\.vmcore: \d+ bytes, \d+ pages as they are in memory/);
      assert.ok(statSync(early).size > 20 * MIB);
      await debuggee.end();
    });

    it('saves it and jumps back, and leaves no image of a save that was cancelled', async () => {
      debuggee = await Debuggee.launch({ window, autoJump: false, stopAt: [] });
      await debuggee.ready('canJump');
      const kept = join(folder, 'kept.vmcore');
      await debuggee.hibernate({ path: kept, level: 1, after: 'back' });
      assert.ok(statSync(kept).size > 20 * MIB);
      await debuggee.ready('canJump');
      const cancelled = join(folder, 'cancelled.vmcore');
      const saving = debuggee.hibernate({ path: cancelled, level: 0, after: 'back' });
      const refused = assert.rejects(saving, /Saving was cancelled.*kernel B runs/s);
      await new Promise<void>((resolve) => {
        debuggee.client.on('event', ({ event }) => {
          if (event === 'kexecJump/transfer') resolve();
        });
      });
      await debuggee.client.request('kexecJump/cancelHibernate');
      await refused;
      assert.ok(!existsSync(cancelled));
      await debuggee.ready('canJumpBack');
      await debuggee.client.request('kexecJump/jumpBack');
      await debuggee.ready('canJump');
      await debuggee.end();
    });
  });
}
