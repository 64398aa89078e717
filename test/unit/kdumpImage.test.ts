import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { PlainFile } from '../../vmcore-viewer/core/images/fileBytes.ts';
import { Bitmap } from '../../vmcore-viewer/core/images/kdump/bitmap.ts';
import { withParts } from '../../vmcore-viewer/core/images/kdump/splitSet.ts';
import { PRESENCE } from '../../vmcore-viewer/core/images/memoryImage.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import {
  flatten,
  note,
  PAGE,
  pageOf,
  piecesOf,
  withImage,
  withPaths,
  writeKdump,
  type KdumpContent,
} from './imageFiles.ts';

const { absent, present, filtered, unreadable } = PRESENCE;
const VMCOREINFO = 'OSRELEASE=6.1.0\nPAGESIZE=4096\n';
const stored = (pfn: number, method: 'none' | 'zlib'): { bytes: Buffer; method: 'none' | 'zlib' } => {
  const bytes = pageOf(pfn);
  return { bytes: method === 'none' ? bytes : deflateSync(bytes), method };
};
const pagesOf = (pfns: readonly number[], method: 'none' | 'zlib' = 'zlib'): KdumpContent['pages'] =>
  new Map(pfns.map((pfn) => [pfn, stored(pfn, method)]));

describe('kdump-compressed files', () => {
  for (const layout of [32, 64] as const) {
    for (const version of [1, 2, 3, 4, 5, 6]) {
      it(`of version ${version} with a ${layout}-bit header, flattened too`, () => {
        const file = writeKdump({
          ...{ layout, version, maxMapnr: 100, leftOut: [3, 70], dumpLevel: 31, vmcoreInfo: VMCOREINFO },
          notes: [note('CORE', 1, Buffer.alloc(144))],
          pages: pagesOf([0, 1, 2, 64, 99]),
        });
        for (const [bytes, flattened] of [
          [file, ''],
          [flatten(piecesOf(file, 5000)), ' flattened,'],
        ] as const) {
          withImage([bytes], (image) => {
            assert.equal(image.format, `kdump-compressed version ${version},${flattened} zlib`);
            assert.equal(image.machine, 'i386');
            assert.equal(image.size, 100 * PAGE);
            assert.equal(image.dumpLevel, 31);
            assert.equal(image.vmcoreInfo?.toString(), version >= 3 ? VMCOREINFO : undefined);
            assert.equal(image.notes.length, version >= 4 ? 1 : 0);
            assert.deepEqual(image.problems, []);
            assert.ok(image.facts.some(({ value }) => value.endsWith(`${layout}-bit header`)));
            assert.deepEqual([...image.presence(0, 5)], [present, present, present, filtered, absent]);
            for (const pfn of [0, 1, 2, 64, 99]) assert.ok(image.read(pfn * PAGE, PAGE)?.equals(pageOf(pfn)));
            assert.ok(
              image.read(PAGE - 6, 12)?.equals(Buffer.concat([pageOf(0).subarray(-6), pageOf(1).subarray(0, 6)])),
            );
            for (const pfn of [3, 4, 70, 98, 100]) assert.equal(image.read(pfn * PAGE, 1), undefined);
            assert.equal(image.read(2 * PAGE, PAGE + 1), undefined);
            assert.deepEqual(
              image.regions.map(({ address, length, present: bytes }) => [address / PAGE, length / PAGE, bytes / PAGE]),
              [
                [0, 4, 3],
                [64, 1, 1],
                [70, 1, 0],
                [99, 1, 1],
              ],
            );
            assert.deepEqual(
              [...image.presentRanges()].map(({ address, length }) => [address / PAGE, length / PAGE]),
              [
                [0, 3],
                [64, 1],
                [99, 1],
              ],
            );
          });
        }
      });
    }
  }

  it('tells the layout of a header by its numbers, whatever the machine is called', () => {
    for (const layout of [32, 64] as const) {
      for (const maxMapnr of [1, 4096, 32768, 65536, 1 << 20]) {
        for (const machine of ['i686', 'x86_64']) {
          withImage([writeKdump({ layout, machine, maxMapnr, pages: pagesOf([0]) })], (image) => {
            assert.equal(image.size, maxMapnr * PAGE);
            assert.equal(image.machine, machine === 'i686' ? 'i386' : machine);
            assert.ok(image.read(0, PAGE)?.equals(pageOf(0)));
          });
        }
      }
    }
  });

  it('gives copies: what a caller does to them is not seen again', () => {
    withImage([writeKdump({ layout: 64, maxMapnr: 1, pages: pagesOf([0]) })], (image) => {
      image.read(0, PAGE)!.fill(0);
      assert.ok(image.read(0, PAGE)?.equals(pageOf(0)));
    });
  });

  it('that are incomplete have the pages whose descriptors were written', () => {
    const pages = new Map([...pagesOf([0, 1]), [2, undefined], [3, undefined]]);
    withImage([writeKdump({ layout: 64, maxMapnr: 8, status: 1 | 8, pages })], (image) => {
      assert.match(image.problems.join(), /is incomplete: the program that wrote it was stopped/);
      assert.deepEqual([...image.presence(0, 5)], [present, present, unreadable, unreadable, absent]);
      assert.equal(image.read(2 * PAGE, 1), undefined);
      assert.deepEqual([...image.presentRanges()], [{ address: 0, length: 2 * PAGE }]);
    });
  });

  it('that are cut off anywhere show what is there, or say what they lack', () => {
    const whole = writeKdump({ layout: 32, maxMapnr: 64, pages: pagesOf([0, 1, 2, 3, 40], 'none') });
    for (let length = whole.length - 1; length > 512; length -= 1000) {
      withImage([whole.subarray(0, length)], (image) => {
        assert.match(image.problems.join(), /cut off/);
        for (const pfn of [0, 1, 2, 3, 40]) {
          const isThere = image.presence(pfn, 1)[0] === present;
          assert.equal(isThere, image.read(pfn * PAGE, PAGE)?.equals(pageOf(pfn)) ?? false);
        }
        if (length === whole.length - 1) assert.deepEqual([...image.presence(3, 1)], [present]);
      });
    }
  });

  it('with a damaged page tell it, and have all others', () => {
    const pages = new Map([...pagesOf([0, 2]), [1, { bytes: Buffer.alloc(100, 7), method: 'zlib' as const }]]);
    withImage([writeKdump({ layout: 64, maxMapnr: 3, pages })], (image) => {
      assert.deepEqual(image.problems, []);
      assert.equal(image.read(0, 3 * PAGE), undefined);
      assert.match(image.problems.join(), /page frame 1 \(physical 0x1000\) is damaged/);
      assert.deepEqual([...image.presence(0, 3)], [present, unreadable, present]);
      assert.ok(image.read(2 * PAGE, PAGE)?.equals(pageOf(2)));
    });
  });

  it('of a split set are one image in any order, and say what is missing', () => {
    const content: KdumpContent = { layout: 64, maxMapnr: 90, pages: pagesOf([0, 5, 29, 30, 45, 60, 89]) };
    const parts = [0, 30, 60].map((startPfn) => writeKdump({ ...content, split: { startPfn, endPfn: startPfn + 30 } }));
    withImage([parts[2]!, parts[0]!, parts[1]!], (image) => {
      assert.equal(image.format, 'kdump-compressed version 6, split, zlib');
      assert.deepEqual(image.problems, []);
      for (const pfn of content.pages.keys()) assert.ok(image.read(pfn * PAGE, PAGE)?.equals(pageOf(pfn)));
    });
    withImage([parts[2]!], (image) => {
      assert.match(image.problems.join(), /missing: those with the page frames 0 to 59/);
      assert.deepEqual([...image.presence(30, 1)], [unreadable]);
      assert.equal(image.read(30 * PAGE, 1), undefined);
      assert.ok(image.read(60 * PAGE, PAGE)?.equals(pageOf(60)));
      assert.ok(image.read(89 * PAGE, PAGE)?.equals(pageOf(89)));
    });
    const whole = writeKdump(content);
    withPaths([parts[0]!, whole], (paths) => {
      assert.throws(() => openImage(paths), /it is a whole dump, not a part of a split one/);
    });
    const other = writeKdump({ ...content, maxMapnr: 91, split: { startPfn: 30, endPfn: 60 } });
    withPaths([parts[0]!, other], (paths) => {
      assert.throws(() => openImage(paths), /of another machine or kernel/);
    });
  });

  it('of a split set are opened with the others in their folder, unless these are several sets', () => {
    const content: KdumpContent = { layout: 64, maxMapnr: 90, pages: pagesOf([0, 30, 60]) };
    const [first, second, third] = [0, 30, 60].map((startPfn) =>
      writeKdump({ ...content, split: { startPfn, endPfn: startPfn + 30 } }),
    );
    const whole = writeKdump(content);
    const others = [Buffer.from('some text'), whole, writeKdump({ ...content, dumpLevel: 1 })];
    withPaths([third!, first!, ...others, second!], (paths) => {
      assert.deepEqual(withParts([paths[5]!]), [paths[1], paths[5], paths[0]]);
      assert.deepEqual(withParts([paths[3]!]), [paths[3]]);
      assert.deepEqual(withParts([paths[0]!, paths[1]!]), [paths[0], paths[1]]);
      assert.deepEqual(withParts([`${paths[0]}-none`]), [`${paths[0]}-none`]);
    });
    for (const parts of [
      [first!, third!],
      [first!, second!, third!, second!],
    ]) {
      withPaths(parts, (paths) => {
        assert.deepEqual(withParts([paths[0]!]), [paths[0]]);
      });
    }
  });

  it('of diskdump are read too', () => {
    withImage(
      [writeKdump({ layout: 64, version: 1, signature: 'DISKDUMP', maxMapnr: 2, pages: pagesOf([1]) })],
      (image) => {
        assert.equal(image.format, 'diskdump version 1, zlib');
        assert.ok(image.read(PAGE, PAGE)?.equals(pageOf(1)));
      },
    );
  });

  it('have any pages in any compression', () => {
    const page = fc.record({ pfn: fc.nat(9000), kind: fc.constantFrom('none', 'zlib', 'left out') });
    fc.assert(
      fc.property(fc.uniqueArray(page, { selector: ({ pfn }) => pfn, maxLength: 40 }), fc.boolean(), (all, is64) => {
        const pages = new Map(
          all.flatMap(({ pfn, kind }) => (kind === 'left out' ? [] : [[pfn, stored(pfn, kind as 'none')] as const])),
        );
        const leftOut = all.filter(({ kind }) => kind === 'left out').map(({ pfn }) => pfn);
        withImage([writeKdump({ layout: is64 ? 64 : 32, maxMapnr: 9001, leftOut, pages })], (image) => {
          const expected = new Uint8Array(9001);
          for (const { pfn, kind } of all) {
            expected[pfn] = kind === 'left out' ? filtered : present;
            const read = image.read(pfn * PAGE, PAGE);
            assert.deepEqual(read, kind === 'left out' ? undefined : pageOf(pfn));
          }
          assert.deepEqual(image.presence(0, 9001), expected);
          assert.deepEqual(image.problems, []);
        });
      }),
      { numRuns: 40 },
    );
  });
});

describe('the bitmap of page frames', () => {
  it('counts and lists as a simple loop does', () => {
    const bitmaps = fc.tuple(
      fc.uint8Array({ minLength: 1, maxLength: 1600 }),
      fc.constantFrom(0, 1, 2),
      fc.nat(7),
      fc.array(fc.nat(13_000), { minLength: 1, maxLength: 20 }),
    );
    fc.assert(
      fc.property(bitmaps, ([bytes, kind, less, pfns]) => {
        // Whole runs are as likely as single pages.
        const table = Buffer.from(kind === 0 ? bytes : bytes.map((byte) => (byte < 100 * kind ? 0 : 0xff)));
        const pages = table.length * 8 - less;
        const bits = Array.from({ length: pages }, (_, pfn) => (table[pfn >> 3]! >> (pfn & 7)) & 1);
        withPaths([Buffer.concat([Buffer.alloc(10), table])], ([path]) => {
          const file = new PlainFile(path!);
          const bitmap = new Bitmap(file, { offset: 10, length: table.length }, pages);
          for (const pfn of pfns) {
            assert.equal(bitmap.has(pfn), bits[pfn] === 1);
            assert.equal(
              bitmap.rank(pfn),
              bits.slice(0, pfn).reduce((sum, bit) => sum + bit, 0),
            );
          }
          const listed = new Array<number>(pages).fill(0);
          let end = -1;
          for (const run of bitmap.runs()) {
            assert.ok(run.startPfn > end && run.endPfn > run.startPfn);
            end = run.endPfn;
            listed.fill(1, run.startPfn, run.endPfn);
          }
          assert.deepEqual(listed, bits);
          file.close();
        });
      }),
    );
  });
});
