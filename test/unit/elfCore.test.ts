import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findHoles, PRESENCE } from '../../vmcore-viewer/core/images/memoryImage.ts';
import { flatten, note, PAGE, pageOf, piecesOf, withImage, withPaths, writeElf, type Load } from './imageFiles.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';

/** Each byte of this memory is a function of its address. */
const contentOf = (address: number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => ((address + index) * 31 + ((address + index) >> 8)) & 0xff));
const two = [pageOf(0), pageOf(1)];

describe('ELF cores', () => {
  for (const bits of [32, 64] as const) {
    it(`of ${bits} bits: format, machine, entry, notes, memory`, () => {
      const file = writeElf({
        bits,
        entry: 0x100000,
        loads: [
          { physical: 0, bytes: two[0]!, virtual: 0xc0000000n },
          { physical: 0x3000, bytes: two[1]!, memorySize: 3 * PAGE },
        ],
        notes: [
          note('CORE', 1, Buffer.alloc(144)),
          note('VMCOREINFO', 0, Buffer.from('OSRELEASE=6.1.0\nPAGESIZE=4096\n')),
        ],
      });
      withImage([file], (image) => {
        assert.equal(image.format, `ELF${bits} core with EM_386`);
        assert.equal(image.machine, 'i386');
        assert.equal(image.entry, 0x100000n);
        assert.equal(image.size, 0x6000);
        assert.deepEqual(image.problems, []);
        assert.deepEqual(
          image.notes.map(({ name, type }) => [name, type]),
          [
            ['CORE', 1],
            ['VMCOREINFO', 0],
          ],
        );
        assert.match(image.vmcoreInfo!.toString(), /^OSRELEASE=6.1.0/);
        assert.ok(image.facts.some(({ value }) => value === 'Linux 6.1.0'));
        assert.ok(image.read(0, PAGE)?.equals(two[0]!));
        assert.ok(image.read(0x3000, PAGE)?.equals(two[1]!));
        assert.equal(image.read(0, PAGE + 1), undefined);
        assert.equal(image.read(0x4000, 1), undefined);
        const { absent, present, filtered } = PRESENCE;
        assert.deepEqual([...image.presence(0, 7)], [present, absent, absent, present, filtered, filtered, absent]);
        assert.deepEqual(
          [...image.presentRanges()],
          [
            { address: 0, length: PAGE },
            { address: 0x3000, length: PAGE },
          ],
        );
        assert.deepEqual(findHoles(image.regions), [{ address: 0x1000, length: 0x2000 }]);
        assert.equal(image.regions[0]!.virtualAddress, 0xc0000000n);
        assert.equal(image.regions[1]!.present, PAGE);
      });
    });
  }

  it('as QEMU writes them: 64 bits with EM_386, e_ehsize 8, a QEMU note, offsets not of whole pages', () => {
    const notes = [note('CORE', 1, Buffer.alloc(144)), note('QEMU', 0, Buffer.alloc(437))];
    withImage([writeElf({ bits: 64, headerSize: 8, notes, loads: [{ physical: 0, bytes: two[0]! }] })], (image) => {
      assert.equal(image.format, 'ELF64 core with EM_386, as QEMU writes it');
      assert.notEqual(image.regions[0]!.fileOffset! % PAGE, 0);
      assert.ok(image.read(0, PAGE)?.equals(two[0]!));
    });
  });

  it('with more than 65,535 program headers, which section header 0 counts', () => {
    const loads = Array.from({ length: 70_000 }, (_, index) => ({
      physical: index * 16,
      bytes: contentOf(index * 16, 16),
    }));
    withImage([writeElf({ bits: 64, loads, extendedCount: true })], (image) => {
      assert.deepEqual(image.problems, []);
      assert.equal(image.regions.length, 70_000);
      assert.ok(image.read(1, 100_000)?.equals(contentOf(1, 100_000)));
      assert.deepEqual([...image.presentRanges()], [{ address: 0, length: 70_000 * 16 }]);
    });
  });

  it('with headers of mappings without physical memory', () => {
    for (const bits of [32, 64] as const) {
      const loads = [
        { physical: -1n, bytes: Buffer.alloc(0), memorySize: PAGE },
        { physical: 0, bytes: two[0]! },
      ];
      withImage([writeElf({ bits, loads })], (image) => {
        assert.match(image.problems.join(), /1 PT_LOAD have no physical address/);
        assert.equal(image.size, PAGE);
      });
    }
  });

  it('with memory above 4 GiB', () => {
    const address = 2 ** 40 + 0x5000;
    withImage([writeElf({ bits: 64, machine: 62, loads: [{ physical: address, bytes: two[1]! }] })], (image) => {
      assert.equal(image.machine, 'x86_64');
      assert.equal(image.size, address + PAGE);
      assert.ok(image.read(address + 5, 100)?.equals(two[1]!.subarray(5, 105)));
      assert.deepEqual([...image.presence(address / PAGE, 1)], [PRESENCE.present]);
    });
  });

  const load = fc.record({ address: fc.nat(5 * PAGE), length: fc.nat(2 * PAGE), more: fc.nat(PAGE) });
  it('overlap, have holes and begin within pages: the memory is as the headers say', () => {
    fc.assert(
      fc.property(
        fc.array(load, { minLength: 1, maxLength: 8 }),
        fc.nat(7 * PAGE),
        fc.nat(3 * PAGE),
        (loads, from, length) => {
          const size = 9 * PAGE;
          const [inFile, described] = [new Uint8Array(size), new Uint8Array(size)];
          const headers = loads.map<Load>(({ address, length: bytes, more }) => {
            inFile.fill(1, address, address + bytes);
            described.fill(1, address, address + bytes + more);
            return { physical: address, bytes: contentOf(address, bytes), memorySize: bytes + more };
          });
          withImage([writeElf({ bits: 32, loads: headers })], (image) => {
            const isThere = inFile.subarray(from, from + length).every((byte) => byte === 1);
            assert.deepEqual(image.read(from, length), isThere ? contentOf(from, length) : undefined);
            const expected = Array.from({ length: 9 }, (_, pfn) => {
              const page = inFile.subarray(pfn * PAGE, (pfn + 1) * PAGE);
              if (page.every((byte) => byte === 1)) return PRESENCE.present;
              if (page.includes(1)) return PRESENCE.partly;
              return described.subarray(pfn * PAGE, (pfn + 1) * PAGE).includes(1) ? PRESENCE.filtered : PRESENCE.absent;
            });
            assert.deepEqual([...image.presence(0, 9)], expected);
            assert.deepEqual([...image.presence(2, 3)], expected.slice(2, 5));
            const pages = expected.slice(0, Math.ceil(image.size / PAGE));
            const count = (...values: number[]): number => pages.filter((page) => values.includes(page)).length;
            assert.deepEqual(image.countPresence(), {
              absent: count(PRESENCE.absent),
              present: count(PRESENCE.present, PRESENCE.partly),
              filtered: count(PRESENCE.filtered),
              unreadable: 0,
            });
            assert.deepEqual([...image.dataRanges()], [...image.presentRanges()]);
            const seen = new Uint8Array(size);
            for (const range of image.presentRanges()) seen.fill(1, range.address, range.address + range.length);
            assert.ok(Buffer.from(seen).equals(Buffer.from(inFile)));
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('tell which headers have the same memory', () => {
    const loads = [0, 0x1000, 0x800].map((physical) => ({ physical, bytes: contentOf(physical, PAGE) }));
    withImage([writeElf({ bits: 32, loads })], (image) => {
      assert.deepEqual(
        image.regions.map(({ name, remark }) => [name, remark]),
        [
          ['PT_LOAD 1', undefined],
          ['PT_LOAD 2', 'PT_LOAD 3 has some of this memory too'],
          ['PT_LOAD 3', 'PT_LOAD 1 has some of this memory too'],
        ],
      );
    });
  });

  it('that are cut off show what is there', () => {
    const whole = writeElf({ bits: 32, loads: [{ physical: 0, bytes: Buffer.concat([...two, pageOf(2)]) }] });
    withImage([whole.subarray(0, whole.length - PAGE - 100)], (image) => {
      assert.match(image.problems.join(), /cut off or has gaps: 4.1 KiB of the memory/);
      assert.match(image.regions[0]!.remark!, /the file ends 4.1 KiB before its end/);
      assert.deepEqual([...image.presence(0, 3)], [PRESENCE.present, PRESENCE.unreadable, PRESENCE.unreadable]);
      assert.deepEqual(image.countPresence(), { absent: 0, present: 1, filtered: 0, unreadable: 2 });
      assert.equal(image.complete, false);
      assert.ok(image.read(PAGE, PAGE - 100)?.equals(two[1]!.subarray(0, PAGE - 100)));
    });
  });

  it('that are flattened and cut off have gaps in their memory', () => {
    const whole = writeElf({ bits: 32, loads: [{ physical: 0, bytes: Buffer.concat([...two, pageOf(2)]) }] });
    const pieces = piecesOf(whole, 1024);
    const gap = pieces.splice(6, 1)[0]!;
    withImage([flatten(pieces)], (image) => {
      assert.equal(image.format, 'ELF32 core with EM_386, flattened');
      assert.deepEqual([...image.presence(0, 3)], new Array(3).fill(PRESENCE.present));
    });
    withImage([flatten(pieces, false)], (image) => {
      assert.deepEqual([...image.presence(0, 3)], [PRESENCE.present, PRESENCE.unreadable, PRESENCE.present]);
      const lost = gap.offset - image.regions[0]!.fileOffset!;
      assert.equal(image.read(lost - 1, 2), undefined);
      assert.ok(image.read(PAGE, lost - PAGE));
      assert.deepEqual([...image.presentRanges()].length, 2);
    });
  });

  it('of other kinds are refused with a sentence', () => {
    const refused = (bytes: Buffer, sentence: RegExp): void => {
      withPaths([bytes], (paths) => {
        assert.throws(() => openImage(paths), { name: 'MemoryError', message: sentence });
      });
    };
    const loads = [{ physical: 0, bytes: two[0]! }];
    refused(writeElf({ bits: 32, type: 2, loads }), /it is an executable \(a vmlinux\?\), not a core/);
    refused(writeElf({ bits: 64, loads }).subarray(0, 40), /it ends at 40, within its ELF header of 64 bytes/);
    const big = writeElf({ bits: 32, loads });
    big[5] = 2;
    refused(big, /big-endian/);
    const process = [1, 2].map((page) => ({ physical: 0, virtual: BigInt(page) << 12n, bytes: two[0]! }));
    refused(writeElf({ bits: 64, loads: process }), /the core of a process/);
  });
});
