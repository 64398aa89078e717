/** Files that were made to do harm: nothing but a MemoryError, and soon. */
import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import fc from 'fast-check';
import { MemoryError } from '../../vmcore-viewer/core/errors.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { countContents } from '../../vmcore-viewer/core/images/pageContents.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { imagePicture } from '../../vmcore-viewer/explorer/imagePicture.ts';
import { searchImage } from '../../vmcore-viewer/explorer/search.ts';
import { flatten, note, PAGE, pageOf, piecesOf, withPaths, writeElf, writeKdump } from './imageFiles.ts';

/** Far more than any of the files needs, those of TiB among them, on a machine that others use too. */
const MOST_MS = 10_000;
/** Numbers that a field of a hostile file has. */
const nasty = fc.oneof(
  fc.constantFrom(0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 1n << 43n, 1n << 52n, (1n << 53n) - 1n),
  fc.constantFrom(0x7fffffffffffffffn, 0x8000000000000000n, 0xfffffffffffff000n, 0xffffffffffffffffn),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);

const elf32 = writeElf({
  bits: 32,
  loads: [0, 1, 3].map((pfn) => ({ physical: pfn * PAGE, bytes: pageOf(pfn) })),
  notes: [note('CORE', 1, Buffer.alloc(144)), note('VMCOREINFO', 0, Buffer.from('OSRELEASE=6.1\nPAGESIZE=4096\n'))],
});
const elf64 = writeElf({
  bits: 64,
  extendedCount: true,
  loads: [{ physical: 0, bytes: pageOf(0) }],
  notes: [note('QEMU', 0, Buffer.alloc(40))],
});
const pages = new Map([0, 1, 2, 9].map((pfn) => [pfn, { bytes: pageOf(pfn), method: 'none' as const }]));
const kdump32 = writeKdump({
  layout: 32,
  maxMapnr: 40_000,
  pages,
  leftOut: [20],
  vmcoreInfo: 'OSRELEASE=6.1\n',
  notes: [note('CORE', 1, Buffer.alloc(9))],
});
const kdump64 = writeKdump({ layout: 64, maxMapnr: 64, pages, split: { startPfn: 1, endPfn: 9 } });
const FILES = {
  ELF32: elf32,
  ELF64: elf64,
  'kdump, 32-bit': kdump32,
  'kdump, 64-bit, split': kdump64,
  'flattened kdump': flatten(piecesOf(kdump64, 1000)),
  'flattened ELF without its end': flatten(piecesOf(elf32, 100), false),
};
/** Parts of the files that have numbers in them are near the beginning; descriptors are behind the bitmaps. */
const MOST_NUMBERS = PAGE * 6;

/** Opens an image and asks it everything; it may be refused. */
function explore(paths: readonly string[]): void {
  const start = performance.now();
  try {
    const image = openImage(paths);
    try {
      for (const address of [0, 1, PAGE - 1, PAGE, 5 * PAGE, image.size - 1, image.size, 2 ** 32, 2 ** 52, -1, NaN]) {
        for (const length of [0, 1, PAGE, PAGE + 1, 3 * PAGE]) {
          const bytes = image.read(address, length);
          if (bytes) assert.equal(bytes.length, length);
        }
      }
      assert.equal(image.read(0, 2 ** 40), undefined);
      assert.equal(image.presence(0, 100).length, 100);
      assert.equal(image.presence(Math.floor(image.size / PAGE) - 3, 10).length, 10);
      let end = -1;
      for (const { address, length } of image.presentRanges()) {
        assert.ok(address > end && length > 0, 'ranges ascend and do not touch');
        end = address + length;
      }
      const { absent, present, filtered, unreadable } = image.countPresence();
      assert.equal(absent + present + filtered + unreadable, Math.ceil(image.size / image.pageSize));
      assert.ok(Math.min(absent, present, filtered, unreadable) >= 0);
      // Of a file that says to be huge, and is, all of it would have to be read.
      if (present < 1 << 16) {
        const { zero, damaged } = countContents(image);
        assert.ok(zero + damaged <= present);
      }
      assert.ok(Array.isArray(image.regions) && Array.isArray(image.facts) && image.notes.length < 100_000);
      assert.ok(image.problems.every((problem) => problem.length > 10));
    } finally {
      image.close();
    }
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
  }
  const took = performance.now() - start;
  assert.ok(took < MOST_MS, `it took ${took} ms`);
}

describe('hostile memory images', function () {
  this.timeout(60_000);
  for (const [name, file] of Object.entries(FILES)) {
    it(`${name} with any numbers in it`, () => {
      const change = fc.record({
        at: fc.nat(Math.min(file.length, MOST_NUMBERS) - 8),
        value: nasty,
        bytes: fc.constantFrom(1, 2, 4, 8),
      });
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.boolean(), (changes, isBigEndian) => {
          const bytes = Buffer.from(file);
          for (const { at, value, bytes: width } of changes) {
            const number = Buffer.alloc(8);
            if (isBigEndian) number.writeBigUInt64BE(value);
            else number.writeBigUInt64LE(value);
            number.copy(bytes, at, isBigEndian ? 8 - width : 0, isBigEndian ? 8 : width);
          }
          withPaths([bytes], explore);
        }),
        { numRuns: 150 },
      );
    });

    it(`${name} with any number in each field of its headers`, () => {
      const starts = name.startsWith('ELF') ? [0] : [400, PAGE, PAGE + 400, 2 * PAGE];
      for (const start of starts) {
        for (let at = start; at < start + 260 && at + 8 <= file.length; at += 2) {
          for (const value of [0xffffffffffffffffn, 1n << 40n, 0n]) {
            const bytes = Buffer.from(file);
            bytes.writeBigUInt64LE(value, at);
            withPaths([bytes], explore);
          }
        }
      }
    });

    it(`${name} cut off anywhere`, () => {
      fc.assert(
        fc.property(fc.nat(file.length), (length) => {
          withPaths([file.subarray(0, length)], explore);
        }),
        { numRuns: 60 },
      );
    });
  }

  it('that say they are huge, in a file that is', () => {
    for (const file of Object.values(FILES)) {
      withPaths([file], (paths) => {
        // A hole to the end of what a file may be: nothing but zeros, and no bytes on the disk.
        truncateSync(paths[0]!, 2 ** 40);
        explore(paths);
      });
    }
    const many = writeKdump({ layout: 64, maxMapnr: 1, pages });
    // 4 TiB of memory: two bitmaps of 128 MiB.
    many.writeUInt32LE(2 ** 16, 424 + 12);
    many.writeBigUInt64LE(2n ** 30n, PAGE + 96);
    withPaths([many], (paths) => {
      truncateSync(paths[0]!, 2 ** 43);
      explore(paths);
    });
  });

  it('have a map and a search, cut off where memory cannot be', () => {
    const far = writeElf({
      bits: 64,
      loads: [
        { physical: 0, bytes: pageOf(7) },
        { physical: 2 ** 51, bytes: pageOf(8) },
      ],
    });
    withPaths([far], (paths) => {
      const explorer = Explorer.open({ paths, entry: 'none' });
      const { pageCount, regions } = imagePicture(explorer);
      assert.deepEqual([pageCount, regions.length], [2 ** 27, 1]);
      assert.ok(explorer.summary.problems.some((problem) => problem.includes('end at 512 GiB')));
      const text = pageOf(8).toString('hex');
      assert.equal(searchImage(explorer, { kind: 'bytes', text }).matches, 1);
      explorer.close();
    });
  });

  it('of any bytes behind a signature', () => {
    for (const signature of ['\x7fELF\x01\x01\x01', '\x7fELF\x02\x01\x01', 'KDUMP   ', 'DISKDUMP', '']) {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
          withPaths([Buffer.concat([Buffer.from(signature, 'latin1'), bytes])], explore);
        }),
        { numRuns: 50 },
      );
    }
  });
});
