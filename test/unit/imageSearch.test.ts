/** Searching a memory: what a look at all of its bytes at once would find, in whatever pieces and order they lie. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  LONGEST_NEEDLE,
  searchedRanges,
  searchMemory,
  searchSeams,
  type Needle,
} from '../../vmcore-viewer/core/imageSearch.ts';
import type { MemoryRange } from '../../vmcore-viewer/core/images/memoryImage.ts';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { PAGE_SIZE, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { Cancelled } from '../../vmcore-viewer/core/watch.ts';
import { copyOf } from './copyOf.ts';

/** Bytes with holes, which no read may touch. */
function memoryOf(bytes: Buffer, holes: readonly MemoryRange[] = []): PhysicalMemory {
  return {
    size: bytes.length,
    read: (at, length, scratch) => {
      const isHole = holes.some(({ address, length: missing }) => at < address + missing && address < at + length);
      const isThere = at >= 0 && at + length <= bytes.length && !isHole;
      return isThere ? copyOf(bytes.subarray(at, at + length), scratch) : undefined;
    },
  };
}

const needle = (bytes: Buffer, more: Partial<Needle> = {}): Needle => ({
  ...{ bytes, alignment: 1, ignoresCase: false },
  ...more,
});
const all = (bytes: Buffer): MemoryRange[] => [{ address: 0, length: bytes.length }];

/** By `Buffer.indexOf` alone. */
function expected(bytes: Buffer, { bytes: wanted, alignment }: Needle): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
    if (at % alignment === 0) found.push(at);
  }
  return found;
}

/** Few different bytes, so that there are matches, and some of them overlap. */
const wantedBytes = fc.uint8Array({ min: 0, max: 2, minLength: 1, maxLength: 6 }).map((bytes) => Buffer.from(bytes));
const memoryBytes = (pages: number): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.uint8Array({ min: 0, max: 2, minLength: 64, maxLength: 64 }), fc.nat())
    .map(([pattern, seed]) =>
      Buffer.from(
        Uint8Array.from({ length: pages * PAGE_SIZE }, (_, at) => pattern[(at * 7 + (at >> 5) * (seed % 61)) % 64]!),
      ),
    );

describe('the search through a memory', () => {
  it('finds what Buffer.indexOf finds, across the borders of its pieces', () => {
    const size = (2 << 20) + 3 * PAGE_SIZE;
    const places = fc.array(fc.nat(size - 16), { maxLength: 20 });
    const borders = fc.array(fc.tuple(fc.constantFrom(1 << 20, 2 << 20), fc.integer({ min: -6, max: 1 })), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(wantedBytes, places, borders, fc.constantFrom(1, 2, 4), (bytes, at, near, alignment) => {
        const memory = Buffer.alloc(size, 9);
        for (const place of [...at, ...near.map(([border, offset]) => border + offset)]) bytes.copy(memory, place);
        const wanted = needle(bytes, { alignment });
        assert.deepEqual([...searchMemory(memoryOf(memory), all(memory), wanted)], expected(memory, wanted));
      }),
      { numRuns: 50 },
    );
  });

  it('finds what lies across ranges that touch, however short they are, and nothing across holes', () => {
    const bytes = Buffer.alloc(4 * PAGE_SIZE);
    bytes.write('needle', 3 * PAGE_SIZE - 3);
    bytes.write('needle', PAGE_SIZE - 3);
    const [middle, end] = [3 * PAGE_SIZE - 1, 3 * PAGE_SIZE + 1];
    const ranges = [
      { address: 0, length: middle },
      { address: middle, length: end - middle },
      { address: end, length: bytes.length - end },
    ];
    const wanted = needle(Buffer.from('needle'));
    assert.deepEqual([...searchMemory(memoryOf(bytes), ranges, wanted)], [PAGE_SIZE - 3, 3 * PAGE_SIZE - 3]);
    const holed = memoryOf(bytes, [{ address: PAGE_SIZE, length: PAGE_SIZE }]);
    assert.deepEqual([...searchMemory(holed, all(bytes), wanted)], [3 * PAGE_SIZE - 3]);
  });

  it('leaves out the holes of a sparse file, but not the matches that begin or end in them', () => {
    const pages = 40;
    const data = fc.uniqueArray(fc.nat(pages - 1), { maxLength: 6 });
    fc.assert(
      fc.property(wantedBytes, data, fc.nat(PAGE_SIZE - 1), (bytes, at, cut) => {
        const memory = Buffer.alloc(pages * PAGE_SIZE - cut);
        const written = at
          .sort((one, other) => one - other)
          .map((page) => ({ address: page * PAGE_SIZE, length: PAGE_SIZE }));
        for (const { address } of written) {
          bytes.copy(memory, address);
          bytes.copy(memory, address + PAGE_SIZE - bytes.length);
        }
        const present = all(memory);
        const image = { presentRanges: () => present, dataRanges: () => written };
        const ranges = [...searchedRanges(image, needle(bytes))];
        assert.deepEqual([...searchMemory(memoryOf(memory), ranges, needle(bytes))], expected(memory, needle(bytes)));
        const looked = ranges.reduce((sum, { length }) => sum + length, 0);
        if (bytes.some((byte) => byte !== 0)) assert.ok(looked <= written.length * (PAGE_SIZE + 2 * LONGEST_NEEDLE));
      }),
    );
  });

  it('takes letters of ASCII in either case when it is told to, and no other bytes', () => {
    const bytes = Buffer.from('Kexec kexec KEXEC k\x05xec É é kexe', 'latin1');
    const find = (text: Buffer): number[] => [
      ...searchMemory(memoryOf(bytes), all(bytes), needle(text, { ignoresCase: true })),
    ];
    assert.deepEqual(find(Buffer.from('kExEc')), [0, 6, 12]);
    assert.deepEqual(find(Buffer.from([0xe9])), [bytes.lastIndexOf(0xe9)]);
    assert.deepEqual(find(Buffer.from('.')), []);
  });

  it('finds what a kernel would that left, and what is there as it is', () => {
    const pages = 12;
    const pairs = fc.array(fc.tuple(fc.nat(pages - 1), fc.nat(pages - 1)), { maxLength: 8 });
    fc.assert(
      fc.property(memoryBytes(pages), wantedBytes, pairs, (bytes, wantedOnes, exchanged) => {
        const exchanges = exchanged.map(([destination, source]) => ({
          ...{ destination: destination * PAGE_SIZE, source: source * PAGE_SIZE, entryAddress: 0 },
        }));
        const view = new Overlay(memoryOf(bytes), [{ exchanges }]);
        const wanted = needle(wantedOnes);
        const now = (address: number): number => view.locate(address - (address % PAGE_SIZE)) + (address % PAGE_SIZE);
        const found = [
          ...searchMemory(memoryOf(bytes), all(bytes), wanted),
          ...[...searchSeams(view, wanted)].map(now),
        ];
        const asItLeft = view.read(0, bytes.length)!;
        const both = [...expected(bytes, wanted), ...expected(asItLeft, wanted).map(now)];
        assert.deepEqual(new Set(found), new Set(both));
        for (let page = 0; page < bytes.length; page += PAGE_SIZE)
          assert.equal(view.belongsTo(view.locate(page)), page);
      }),
      { numRuns: 60 },
    );
  });

  it('tells how far it is, and ends when its watch says so', () => {
    const bytes = Buffer.alloc(8 << 20, 1);
    const told: [number, number][] = [];
    const watch = (done: number, total: number): void => {
      told.push([done, total]);
      if (done >= 2 << 20) throw new Cancelled();
    };
    const search = searchMemory(memoryOf(bytes), all(bytes), needle(Buffer.from([2])), watch);
    assert.throws(() => [...search], Cancelled);
    assert.deepEqual(
      [told[0], told.at(-1)],
      [
        [0, bytes.length],
        [2 << 20, bytes.length],
      ],
    );
    assert.ok(told.every(([done], index) => index === 0 || done > told[index - 1]![0]));
  });
});
