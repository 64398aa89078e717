/** Hibernation through kexec jumps, without a debugger: A jumps, B saves A and is switched off, C resumes A. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readImageJump } from '../../vmcore-viewer/core/imageJump.ts';
import { PRESENCE, type MemoryImage } from '../../vmcore-viewer/core/images/memoryImage.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { PAGE_CLASS } from '../../vmcore-viewer/core/pageClassNames.ts';
import { classifyPages } from '../../vmcore-viewer/core/pageClasses.ts';
import { PAGE_FLAGS_OF_LINUX_6_1 } from '../../vmcore-viewer/core/pageFlags.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { readResumeNote } from '../../vmcore-viewer/core/resumeNote.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';
import { NAMED_WINDOWS } from '../../qemu-runner/window.ts';
import { inOrder } from '../inOrder.ts';
import { LabMachine } from './labMachine.ts';

/** Of kernel A's machine, in MiB. */
const MEMORY = 256;
const PAGES = (MEMORY << 20) / PAGE_SIZE;
/** More than twice of it, as kexec_load needs it. */
const LARGE = 640;
const LEVELS = [0, 1, 16, 17] as const;
/** Shorter gaps are kept by save-image, which has it by the same name. */
const SHORTEST_GAP = 16;

type Layout = keyof typeof NAMED_WINDOWS;

/** Kernel C: inside the window, or with more than twice the memory of A. */
async function bootC(layout: Layout, way: 'copy' | 'load', disks: readonly string[]): Promise<LabMachine> {
  if (way === 'load') return LabMachine.boot('C', { disks, memory: LARGE });
  const inLowWindow = layout === 'low' ? { append: 'mem=32M' } : {};
  const c = await LabMachine.boot('C', { disks, memory: MEMORY, ...inLowWindow });
  // An ordinary C loads another one into the window.
  if (layout === 'high') await c.jump('high', 'C');
  return c;
}

for (const layout of ['low', 'high'] as const) {
  describe(`hibernation with the ${layout} window`, () => {
    inOrder();
    let folder: string;
    let disks: string[];
    let planted: Record<string, string>;
    let entry: string;
    const images: MemoryImage[] = [];

    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'hibernation-'));
      disks = LEVELS.map((level) => join(folder, `level-${level}`));
      for (const disk of disks) {
        writeFileSync(disk, '');
        truncateSync(disk, (MEMORY + 4) << 20);
      }
    });
    after(async () => LabMachine.stopAll());
    after(() => {
      for (const image of images) image.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('saves kernel A with each level, and tells how far it is', async () => {
      const a = await LabMachine.boot('A', { disks, memory: MEMORY });
      planted = await a.agent('plant', '20');
      await a.type('word=kept');
      await a.jump(layout);
      ({ entry = '' } = await a.agent('status'));
      for (const [number, level] of LEVELS.entries()) {
        const progress: [number, number][] = [];
        const target = `target=/dev/vd${'abcd'[number]} level=${level}`;
        const saved = await a.agent('save', target, 60, (...step) => progress.push(step));
        assert.equal(saved['entry'], entry);
        assert.equal(progress.at(-1)![0], Number(saved['bytes']));
        assert.ok(progress.every(([bytes, total]) => bytes <= total && total === Number(saved['bytes'])));
        images.push(openImage([disks[number]!]));
      }
      await a.stop();
    });

    it('marks the images as resumable', () => {
      const { min, max } = NAMED_WINDOWS[layout];
      for (const image of images) {
        const info = new VmcoreInfo(image.vmcoreInfo!);
        assert.deepEqual(image.problems, []);
        assert.equal(image.entry, BigInt(entry));
        const { memoryEnd, ...note } = readResumeNote(image.notes)!;
        const { release, buildId } = info;
        assert.deepEqual(note, { version: 1, entry: Number(entry), window: [min, max], release, buildId });
        assert.ok(memoryEnd > (MEMORY - 1) << 20 && memoryEnd <= MEMORY << 20);
      }
    });

    it('leaves out pages of zeros and free pages, and none that the jump needs', () => {
      const [whole] = images as [MemoryImage];
      const { asItLeft, list } = readImageJump(whole, Number(entry));
      const pages = new StructPages(asItLeft, new VmcoreInfo(whole.vmcoreInfo!));
      const { classes } = classifyPages(pages, { table: PAGE_FLAGS_OF_LINUX_6_1 });
      const exchanged = new Set(list.exchanges.map(({ source }) => source / PAGE_SIZE));
      const presence = images.map((image) => image.presence(0, PAGES));
      const isZero = (pfn: number): boolean => whole.read(pfn * PAGE_SIZE, PAGE_SIZE)!.every((byte) => byte === 0);
      const isFree = (pfn: number): boolean => classes[pfn] === PAGE_CLASS.free;
      const mayGo = [() => false, isZero, isFree, (pfn: number): boolean => isFree(pfn) || isZero(pfn)];
      for (const [number, level] of LEVELS.entries()) {
        let gap = 0;
        let left = 0;
        for (let pfn = 0; pfn < PAGES; pfn++) {
          if (presence[0]![pfn] !== PRESENCE.present) {
            assert.equal(presence[number]![pfn], presence[0]![pfn]);
            gap = 0;
            continue;
          }
          const goes = !exchanged.has(pfn) && mayGo[number]!(pfn);
          gap = goes ? gap + 1 : 0;
          if (presence[number]![pfn] === PRESENCE.filtered) {
            assert.ok(goes, `level ${level} leaves out page ${pfn}, class ${classes[pfn]}`);
            left++;
          } else {
            const address = pfn * PAGE_SIZE;
            assert.ok(images[number]!.read(address, PAGE_SIZE)!.equals(whole.read(address, PAGE_SIZE)!));
            assert.ok(gap < 2 * SHORTEST_GAP, `level ${level} keeps page ${pfn}`);
          }
        }
        assert.equal(left > PAGES / 4, level !== 0, `level ${level} leaves out ${left} of ${PAGES} pages`);
      }
    });

    for (const [number, level] of LEVELS.entries()) {
      for (const way of level === 0 || level === 17 ? (['copy', 'load'] as const) : (['copy'] as const)) {
        it(`resumes what was saved with level ${level}, way ${way}`, async () => {
          const c = await bootC(layout, way, disks);
          const source = `source=/dev/vd${'abcd'[number]}`;
          const told: [bytes: number, total: number][] = [];
          const resumed = await c.agent('resume', source, 60, (...step) => told.push(step));
          assert.equal(resumed['way'], way);
          assert.equal(resumed['entry'], entry);
          assert.equal(resumed['verified'], way === 'copy' ? resumed['bytes'] : '0');
          // Each byte is written, and then compared; kexec_load tells nothing.
          const all = 2 * Number(resumed['bytes']);
          assert.deepEqual(told.at(-1), way === 'copy' ? [all, all] : undefined);
          await c.enter('jump', 'A');
          const first = await c.agent('check');
          assert.equal(first['sha256'], planted['sha256']);
          await c.type('echo "[$word]"', '[kept]');
          const second = await c.agent('check');
          assert.ok(Number(second['counter']) > Number(first['counter']), 'the background process goes on');
          assert.equal((await c.agent('status'))['loaded'], '0');
          await c.stop();
        });
      }
    }

    if (layout === 'low') {
      it('is refused by a machine that has less memory than the image', async () => {
        const c = await LabMachine.boot('C', { disks, memory: MEMORY / 2, append: 'mem=32M' });
        const nothing = /needs memory at 0x\w{7}, which this machine does not have as RAM\. Nothing has been written/;
        await assert.rejects(c.agent('resume', 'source=/dev/vda'), nothing);
        assert.equal((await c.agent('status'))['loaded'], '0');
        await c.stop();
      });
    }

    it('hibernates three times in a row', async () => {
      const [disk] = disks as [string];
      let machine = await LabMachine.boot('A', { disks: [disk], memory: MEMORY });
      const { sha256 } = await machine.agent('plant', '20');
      await machine.type('word=kept');
      for (let round = 0, counter = 0; round < 3; round++) {
        await machine.jump(layout);
        await machine.agent('save', 'target=/dev/vda level=17');
        await machine.stop();
        machine = await bootC(layout, 'copy', [disk]);
        await machine.agent('resume', 'source=/dev/vda');
        await machine.enter('jump', 'A');
        const checked = await machine.agent('check');
        assert.equal(checked['sha256'], sha256);
        assert.ok(Number(checked['counter']) > counter);
        counter = Number(checked['counter']);
        await machine.type('echo "[$word]"', '[kept]');
      }
      // And back and forth, with the image that was loaded last.
      await machine.jump(layout);
      await machine.enter('back', 'A');
      await machine.jump(layout);
      await machine.enter('back', 'A');
      assert.equal((await machine.agent('check'))['sha256'], sha256);
      await machine.stop();
    });
  });
}
