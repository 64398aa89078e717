/** A saved image beside the machine that it was saved of, which goes on: what has changed since, and what must not have. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CustomRequests } from '../../debug-adapter/protocol.ts';
import { DIFFERENCES } from '../../vmcore-viewer/core/imageDiff.ts';
import { compareImages } from '../../vmcore-viewer/explorer/compare.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { saveAndGoOn, type SavedMachine } from './savedImage.ts';

for (const window of ['high', 'low'] as const) {
  describe(`an image and the running machine, ${window} window`, () => {
    inOrder();
    const folder = mkdtempSync(join(tmpdir(), 'kexec-live-'));
    const image = join(folder, 'saved.vmcore');
    let machine: SavedMachine;
    before(async () => {
      machine = await saveAndGoOn(image, window);
    });
    after(async () => {
      await Debuggee.endAll();
      rmSync(folder, { recursive: true });
    });

    /** Compares the image with the machine, as the adapter tells of it. */
    async function compare(): Promise<{ entry: number | undefined; different: number; text: string }> {
      const { path, entry } =
        await machine.debuggee.client.request<CustomRequests['kexecJump/machineMemory']['body']>(
          'kexecJump/machineMemory',
        );
      const [first, second] = [
        Explorer.open({ paths: [image] }),
        Explorer.open({ paths: [path], entry: entry ?? 'none' }),
      ];
      const { bytes, text } = compareImages(first, second);
      assert.equal(second.kernel?.view, entry === undefined ? 'asItIs' : 'asItLeft');
      first.close();
      second.close();
      return { entry, text, different: bytes.filter((one) => DIFFERENCES[one] === 'different').length };
    }

    it('are the same while kernel A is dormant, but for what the jump itself uses', async () => {
      const { entry, different, text } = await compare();
      assert.equal(entry, machine.entry);
      assert.match(text, /No code of the kernel differs\./);
      assert.ok(different < 20, text);
    });

    it('differ once kernel A is back, in what a kernel changes', async () => {
      await machine.debuggee.client.request('kexecJump/jumpBack');
      await machine.debuggee.ready('canJump');
      const { entry, different, text } = await compare();
      assert.equal(entry, undefined);
      assert.match(text, /No code of the kernel differs\./);
      assert.ok(different > 20, text);
      assert.match(text, /^ +kernel that left +slab +\d+ +[1-9].*may change +objects come and go$/m);
    });
  });
}
