/** What the explorer makes of an image that kernel B has saved of kernel A, from the file alone. */
import assert from 'node:assert/strict';
import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DIFFERENCES } from '../../vmcore-viewer/core/imageDiff.ts';
import { PAGE_CLASSES } from '../../vmcore-viewer/core/pageClassNames.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { judgeResumability } from '../../vmcore-viewer/core/resumability.ts';
import { compareImages } from '../../vmcore-viewer/explorer/compare.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { imagePicture } from '../../vmcore-viewer/explorer/imagePicture.ts';
import { placeOf } from '../../vmcore-viewer/explorer/pageReport.ts';
import type { SearchQuery } from '../../vmcore-viewer/explorer/protocol.ts';
import { makeReport } from '../../vmcore-viewer/explorer/reports.ts';
import { searchImage } from '../../vmcore-viewer/explorer/search.ts';
import { inOrder } from '../inOrder.ts';
import { Debuggee } from './debuggee.ts';
import { runInGuest, saveImage } from './savedImage.ts';

const MIB = 1 << 20;
/** What kernel A writes to a file; it is typed in two halves, so that it is nowhere else. */
const MARKER = 'kexec-jump-e5c1b7a2-marker';

for (const window of ['high', 'low'] as const) {
  describe(`the explorer of a saved image, ${window} window`, () => {
    inOrder();
    const folder = mkdtempSync(join(tmpdir(), 'kexec-explorer-'));
    const image = join(folder, 'saved.vmcore');
    let explorer: Explorer;
    let entry: number;
    after(async () => {
      await Debuggee.endAll();
      rmSync(folder, { recursive: true });
    });

    before('kernel B saves kernel A', async () => {
      const inA = async (debuggee: Debuggee): Promise<void> => {
        await runInGuest(debuggee, `printf '${MARKER.slice(0, 8)}%s' ${MARKER.slice(8)} >/tmp/marker`);
      };
      entry = await saveImage(image, window, { inA });
    });

    it('finds the re-entry point, the kernel that left and its log', () => {
      explorer = Explorer.open({ paths: [image] });
      const { format, kernels, entry: found, problems, title } = explorer.summary;
      assert.match(format, /^ELF32 core/);
      assert.equal(found, entry);
      assert.deepEqual(
        kernels.map(({ view, release }) => [view, release]),
        [['asItLeft', '6.1.192-kexec-jump']],
      );
      assert.match(title, /^Memory of Linux 6\.1/);
      assert.deepEqual(problems, []);
      const log = makeReport(explorer, 'log');
      assert.match(log, /^\[ +0\.000000\] Linux version 6\.1\./);
      assert.match(log, /Kernel command line: .*role=A/);
      assert.match(log, /Freezing user space processes/);
    });

    it('shows what each page is, and what the image does not have: the window', () => {
      const { classes, presence, roles, roleNames, exchanges, pageCount } = imagePicture(explorer);
      // The firmware keeps the last pages of 256 MiB for itself.
      assert.ok(pageCount <= 65536 && pageCount > 65400, `${pageCount} pages`);
      const count = (bytes: Uint8Array, value: number): number =>
        bytes.reduce((sum, byte) => sum + Number(byte === value), 0);
      const ofClass = (name: string): number =>
        count(
          classes,
          PAGE_CLASSES.findIndex((one) => one.name === name),
        );
      assert.ok(ofClass('free') > 30_000 && ofClass('kernelText') > 500 && ofClass('user') > 10);
      const destinations = count(roles, roleNames.indexOf('destination')) + count(roles, roleNames.indexOf('self'));
      assert.equal(destinations, exchanges.length / 2);
      for (let index = 0; index < exchanges.length; index += 2) assert.equal(presence[exchanges[index]!], 0);
    });

    it('shows a page by a symbol: through the page tables, and by the jump to where it is', () => {
      const page = makeReport(explorer, 'page', { address: 'init_uts_ns' });
      assert.match(page, /^Virtual 0xc1[0-9a-f]{6}\n/);
      assert.match(page, /6\.1\.192-kexec-/);
      assert.equal(page.includes('The jump has moved that page'), window === 'low');
      assert.throws(
        () => makeReport(explorer, 'page', { address: 'no_such' }),
        /"no_such" is no address and no symbol/,
      );
    });

    it('has what is looked for where the kernel had it: its banner in its data, a file in the page cache', () => {
      const found = (query: SearchQuery): string[] => {
        const { text, matches, isCut } = searchImage(explorer, query);
        const lines = text.split('\n').slice(5, -1);
        assert.equal(lines.length, matches, text);
        assert.equal(isCut, false);
        return lines;
      };
      const banners = found({ kind: 'text', text: 'Linux version 6.1.192-kexec-jump (' });
      assert.match(
        banners.join('\n'),
        /0xc1[0-9a-f]{6} +kernelData +kernel that left +linux_banner\+0x0 +4c 69 6e 75 78/,
      );
      const [marker, ...others] = found({ kind: 'text', text: MARKER });
      assert.match(marker!, / cache +kernel that left .*6b 65 78 65 63 2d.*kexec-jump-e5c1b7a2-marker/);
      assert.deepEqual(others, []);
      assert.equal(found({ kind: 'textInAnyCase', text: MARKER.toUpperCase() }).length, 1);
      // The list of tasks begins and ends in init_task.
      const tasks = found({ kind: 'pointer', text: 'init_task' });
      assert.ok(tasks.length > 5, tasks.join('\n'));
      assert.throws(() => found({ kind: 'pointer', text: 'no_such' }), /"no_such" is no value of 4 bytes/);
    });

    it('has what lies across pages that were side by side for the kernel, and are not now', () => {
      const { asItLeft, destinations } = explorer.jump!;
      const border = (page: number): Buffer | undefined => asItLeft.read(page + PAGE_SIZE - 8, 16);
      const seams = [...destinations]
        .filter((page) => asItLeft.locate(page) + PAGE_SIZE !== asItLeft.locate(page + PAGE_SIZE))
        // What is everywhere is not to be looked for.
        .filter((page) => new Set(border(page)).size > 8);
      assert.ok(seams.length > 0 || window === 'high', `${seams.length} seams`);
      for (const page of seams.slice(0, 5)) {
        const { text } = searchImage(explorer, { kind: 'bytes', text: border(page)!.toString('hex') });
        const [now, next] = [page, page + PAGE_SIZE].map((one) => asItLeft.locate(one));
        const line = text.split('\n').find((one) => one.startsWith(`  0x${(now! + PAGE_SIZE - 8).toString(16)} `));
        assert.match(line ?? text, new RegExp(`goes on at 0x${next!.toString(16)}`));
      }
    });

    it('is read with the jump that is named, or with none', () => {
      const plain = Explorer.open({ paths: [image], entry: 'none' });
      assert.equal(plain.jump, undefined);
      assert.deepEqual(plain.entries, [entry]);
      plain.close();
    });

    it('differs from another image by class of page: code of the kernel never should', () => {
      const other = join(folder, 'other.vmcore');
      copyFileSync(image, other);
      const file = openSync(other, 'r+');
      for (const name of ['vfs_read', 'init_uts_ns']) {
        const { physical } = placeOf(explorer, name);
        const region = explorer.image.regions.find(
          ({ address, length }) => physical >= address && physical < address + length,
        )!;
        writeSync(file, 'changed', region.fileOffset! + physical - region.address);
      }
      closeSync(file);
      const second = Explorer.open({ paths: [other], entry });
      const { bytes, text } = compareImages(explorer, second);
      second.close();
      assert.equal(bytes.filter((difference) => DIFFERENCES[difference] === 'different').length, 2);
      assert.match(text, /^ +kernel that left +kernelText +\d+ +1 +0 +0 +same +code is written while/m);
      assert.match(
        text,
        /nothing should change:\n +pfn 0x.* +1 page +kernelText +different +kernel that left +\w+\+0x/,
      );
      assert.match(text, /What differs\n(?:.*\n)*.*kernelData +different/);
      rmSync(other);
    });

    it('can be resumed, by every rule', () => {
      const { rules, verdict } = judgeResumability({ image: explorer.image, entry, known: explorer.pages[0] });
      assert.deepEqual(
        rules.filter((rule) => rule.verdict !== 'holds').map(({ title, finding }) => `${title}: ${finding}`),
        [],
      );
      assert.equal(verdict, 'resumable');
      assert.match(makeReport(explorer, 'resumability'), /^This image can be resumed\./);
    });

    it('cannot be resumed when it was cut off, or at another entry, or on a machine that is too small', () => {
      const cut = join(folder, 'cut.vmcore');
      copyFileSync(image, cut);
      truncateSync(cut, 100 * MIB);
      const partial = Explorer.open({ paths: [cut], entry });
      assert.ok(partial.summary.problems.some((problem) => /ends|cut off|truncated/.test(problem)));
      const broken = (outcome: ReturnType<typeof judgeResumability>): string[] =>
        outcome.rules.filter((rule) => rule.verdict === 'broken').map(({ title }) => title);
      const ofPartial = judgeResumability({ image: partial.image, entry, known: explorer.pages[0] });
      // The control page may be in the part that is gone.
      assert.match(broken(ofPartial).join(), /All memory|Re-entry point/, JSON.stringify(ofPartial));
      partial.close();
      const elsewhere = judgeResumability({ image: explorer.image, entry: entry + 1, known: explorer.pages[0] });
      assert.deepEqual(broken(elsewhere), ['Re-entry point']);
      const small = judgeResumability({
        image: explorer.image,
        entry,
        known: explorer.pages[0],
        loaderMemory: 128 * MIB,
      });
      assert.deepEqual(broken(small), ['Size']);
      explorer.close();
    });
  });
}
