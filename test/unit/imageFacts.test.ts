/** The parts of an image's facts that need no real image. */
import assert from 'node:assert/strict';
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { KeysMissing } from '../../vmcore-viewer/core/errors.ts';
import { withoutHoles } from '../../vmcore-viewer/core/images/holes.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { countContents } from '../../vmcore-viewer/core/images/pageContents.ts';
import { readTolerantly } from '../../vmcore-viewer/core/kernelMemory.ts';
import { registersOfNotes } from '../../vmcore-viewer/core/kernelRegisters.ts';
import { countDumpClasses } from '../../vmcore-viewer/core/pageClasses.ts';
import { PAGE_FLAGS_OF_LINUX_6_1 } from '../../vmcore-viewer/core/pageFlags.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import { readVmlinux, symbolsInMemory } from '../../vmcore-viewer/core/vmlinux.ts';
import { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { imageFacts } from '../../vmcore-viewer/explorer/imageFacts.ts';
import { PAGE, pageOf, withImage, withPaths, writeElf, writeKdump } from './imageFiles.ts';
import { BUDDY, PAGE_TABLE, PG, PG_HWPOISON, SyntheticKernel, VMCOREINFO_PAGE } from './syntheticKernel.ts';

describe('the facts of an image', () => {
  it('count pages by what they hold, and what is damaged', () => {
    const zeros = { bytes: Buffer.alloc(PAGE), method: 'none' } as const;
    const pages = new Map([
      [0, zeros],
      [1, { bytes: pageOf(1), method: 'none' } as const],
      [5, { bytes: Buffer.from('no zlib'), method: 'zlib' } as const],
    ]);
    withPaths([writeKdump({ layout: 32, maxMapnr: 10, pages, leftOut: [7, 8] })], (paths) => {
      const explorer = Explorer.open({ paths });
      const { facts, isDamaged } = imageFacts(explorer, {});
      explorer.close();
      assert.deepEqual(facts.pages, { present: 2, zero: 1, excluded: 2, absent: 5, lost: 1 });
      assert.deepEqual([isDamaged, facts.format.complete, facts.classes, facts.overlay], [true, false, null, null]);
      assert.match(facts.problems.join(), /page frame 5 \(physical 0x5000\) is damaged/);
    });
  });

  it('count what memory an ELF core has left out, and no zeros that are not in the file', () => {
    const loads = [{ physical: 2 * PAGE, bytes: Buffer.concat([pageOf(2), Buffer.alloc(PAGE)]), memorySize: 5 * PAGE }];
    withPaths([writeElf({ bits: 64, machine: 62, loads })], (paths) => {
      const explorer = Explorer.open({ paths });
      const { facts, isDamaged } = imageFacts(explorer, { entry: undefined });
      explorer.close();
      assert.deepEqual(facts.pages, { present: 2, zero: 1, excluded: 3, absent: 2, lost: 0 });
      assert.deepEqual([facts.maxPfn, facts.format.bits, facts.format.machine, isDamaged], [7, 64, 'x86_64', false]);
      assert.equal(facts.vmcoreinfo, null);
    });
  });

  it('count pages by the classes of a dump, whatever else is known of them', () => {
    const kernel = new SyntheticKernel(64);
    kernel.set(8, { mapcount: BUDDY, private: 3, refcount: 0 });
    kernel.set(20, { flags: PG.reserved });
    kernel.set(21, { flags: PG.slab | PG_HWPOISON });
    kernel.set(22, { flags: PG_HWPOISON });
    kernel.set(23, { mapcount: PAGE_TABLE });
    kernel.compound(32, 2, {});
    const pages = new StructPages(kernel, kernel.info());
    const { counts, unreadable, undecided } = countDumpClasses(pages, { table: PAGE_FLAGS_OF_LINUX_6_1 });
    const rest = 64 - 8 - 1 - 1 - 1;
    assert.deepEqual(counts, {
      ...{ free: 8, cache: 0, cachePrivate: 0, user: 0, slab: 1, pageTable: 1, reserved: 1, other: rest },
    });
    assert.deepEqual([unreadable, undecided], [0, []]);
    const unknown = countDumpClasses(pages, {});
    assert.deepEqual(
      unknown.undecided.map((each) => each.class),
      ['pageTable', 'reserved'],
    );
    assert.equal(unknown.counts.other, counts.other + 2);
  });

  it('are of a raw memory that was cut off within a page, if there is a kernel in it', () => {
    const kernel = new SyntheticKernel(64);
    withPaths([kernel.bytes.subarray(0, VMCOREINFO_PAGE + PAGE + 17), Buffer.alloc(PAGE + 17)], ([cut, other]) => {
      const image = openImage([cut!]);
      assert.deepEqual(image.countPresence(), { absent: 0, present: 4, filtered: 0, unreadable: 1 });
      assert.match(image.problems.join(), /ends within a page, at 0x4011/);
      image.close();
      assert.throws(() => openImage([other!]), /raw memory, which has whole pages/);
    });
  });

  it('do not read the holes of a sparse file', function () {
    this.timeout(20_000);
    withPaths([pageOf(0)], ([path]) => {
      truncateSync(path!, 64 * 2 ** 30);
      const file = openSync(path!, 'r+');
      writeSync(file, pageOf(9), 0, PAGE, 33 * 2 ** 30);
      closeSync(file);
      const image = openImage([path!]);
      const ranges = [...image.dataRanges()];
      // Without QEMU's tool the holes are not known.
      if (ranges.length === 1) this.skip();
      assert.deepEqual(countContents(image), { zero: 2 ** 24 - 2, damaged: 0 });
      image.close();
    });
  });

  it('leave out only whole pages that lie in holes', () => {
    const range = { address: 10 * PAGE, length: 6 * PAGE };
    const hole = { offset: 100 + PAGE + 1, length: 3 * PAGE };
    assert.deepEqual(
      [...withoutHoles(range, 100 - 10 * PAGE, [hole])],
      [
        { address: 10 * PAGE, length: 2 * PAGE },
        { address: 14 * PAGE, length: 2 * PAGE },
      ],
    );
    assert.deepEqual([...withoutHoles(range, 0, [{ offset: 0, length: 100 * PAGE }])], []);
  });

  it('have the registers of notes by the size of their struct', () => {
    const note = (size: number, at: number): { name: string; type: number; descriptor: Buffer } => {
      const descriptor = Buffer.alloc(size);
      for (let word = 0; at + word < size; word += 4) descriptor.writeUInt32LE(0xabc00000 + word, at + word);
      return { name: 'CORE', type: 1, descriptor };
    };
    const [i386, x86, none] = registersOfNotes([note(144, 72), note(336, 112), note(20, 4)]);
    assert.deepEqual([i386!['ebx'], i386!['eip'], i386!['cs']], [0xabc00000n, 0xabc00030n, 0x34n]);
    assert.equal(x86!['rip'], 0xabc00084abc00080n);
    assert.equal(none, undefined);
  });

  it('take from a table what is there of it', () => {
    const bytes = Buffer.alloc(3 * PAGE, 7);
    const kernel = {
      ...{ wordSize: 4 as const, pageOffset: 0n, imageOffset: 0n, pfnLimit: 3, translate: () => undefined },
      read: (address: bigint, length: number) =>
        address < BigInt(2 * PAGE) && Number(address) + length > PAGE
          ? undefined
          : bytes.subarray(Number(address), Number(address) + length),
    };
    const found = readTolerantly(kernel, 100n, 2 * PAGE)!;
    assert.deepEqual(
      [found.has(0, PAGE - 100), found.has(0, PAGE - 99), found.has(2 * PAGE - 100, 100), found.bytes[PAGE]],
      [true, false, true, 0],
    );
    assert.equal(readTolerantly(kernel, BigInt(PAGE), PAGE), undefined);
  });

  it('have symbols and build id of a vmlinux, where the kernel runs', () => {
    const path = process.execPath;
    const vmlinux = readVmlinux(path);
    assert.ok(vmlinux.symbols.length > 1000);
    const info = new VmcoreInfo('OSRELEASE=6');
    assert.equal(symbolsInMemory(vmlinux, info).count, vmlinux.symbols.length);
    assert.throws(
      () => readVmlinux(join(import.meta.dirname, 'golden.ts')),
      /cannot be read as a vmlinux: it does not/,
    );
  });

  it('tell what is only not told from what is damaged', () => {
    assert.throws(() => {
      new VmcoreInfo('').expect(['SIZE(page)'], 'a test');
    }, KeysMissing);
    withImage([Buffer.alloc(PAGE)], (image) => {
      assert.equal(image.complete, true);
    });
  });

  it('have a re-entry point of a file beside the image only if it leads to a control page', () => {
    withPaths([Buffer.concat([pageOf(0), pageOf(1)])], ([path]) => {
      writeFileSync(`${path!}.entry`, '0x10d7\n');
      const explorer = Explorer.open({ paths: [path!] });
      assert.equal(explorer.jump, undefined);
      assert.match(explorer.summary.problems.join(), /file-0\.entry does not tell the re-entry point of this image/);
      explorer.close();
    });
  });
});
