import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CR4_PAE, physicalRuns, readVirtual } from '../../vmcore-viewer/core/pageTables/i386.ts';
import type { PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';

const PAGE = 4096;
const DIRECTORY = 0x1000;
const PAGING = { cr3: DIRECTORY, cr4: 0 };
const TABLE = 0x2000;
const BASE = 0xc0000000;

/** 64 KiB: a page directory, a page table, and pages whose bytes tell their address. */
class Memory implements PhysicalMemory {
  readonly bytes = Buffer.alloc(16 * PAGE);
  readonly size = this.bytes.length;

  constructor(pages: readonly number[]) {
    for (let at = 3 * PAGE; at < this.size; at++) this.bytes[at] = (at >> 12) ^ at;
    this.bytes.writeUInt32LE(TABLE | 1, DIRECTORY + (BASE >>> 22) * 4);
    // The entry behind it maps the first 4 MiB of memory at once.
    this.bytes.writeUInt32LE(0x81, DIRECTORY + (BASE >>> 22) * 4 + 4);
    pages.forEach((page, index) => {
      this.bytes.writeUInt32LE(page === 0 ? 0 : (page * PAGE) | 1, TABLE + index * 4);
    });
  }

  read(address: number, length: number): Buffer | undefined {
    return address + length > this.size ? undefined : this.bytes.subarray(address, address + length);
  }
}

describe('page tables of i386', () => {
  it('reads at once what it would read byte by byte', () => {
    const pages = fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 8, maxLength: 8 });
    const span = fc.record({ at: fc.nat(8 * PAGE), length: fc.integer({ min: 1, max: 3 * PAGE }) });
    fc.assert(
      fc.property(pages, span, (mapped, { at, length }) => {
        const memory = new Memory(mapped);
        const single = Array.from({ length }, (_, index) => readVirtual(memory, PAGING, BASE + at + index, 1)?.[0]);
        const expected = single.includes(undefined) ? undefined : Buffer.from(single as number[]);
        assert.deepEqual(readVirtual(memory, PAGING, BASE + at, length), expected);
      }),
    );
  });

  it('takes neighbours for one piece, over the border of a large page too', () => {
    const memory = new Memory([3, 4, 6]);
    assert.deepEqual(physicalRuns(memory, PAGING, BASE + 0x800, 0x2000), [
      { address: 0x3800, length: 0x1800 },
      { address: 0x6000, length: 0x800 },
    ]);
    const large = BASE + 0x400000;
    assert.deepEqual(physicalRuns(memory, PAGING, large + 0x10, 0x2000), [{ address: 0x10, length: 0x2000 }]);
    assert.equal(physicalRuns(memory, PAGING, large - 0x10, 0x20), undefined);
  });
});

describe('page tables of i386 with PAE', () => {
  const [POINTERS, PAE_DIRECTORY, PAE_TABLE] = [0x20, 0x1000, 0x2000] as const;
  const FOUR_GIB = 2 ** 32;
  const [PRESENT, LARGE, NO_EXECUTE] = [1n, 0x81n, 1n << 63n];

  /** Tables in the first pages, and 4 MiB beyond 4 GiB whose words tell their address. */
  const memory: PhysicalMemory = {
    size: FOUR_GIB + (4 << 20),
    read(address, length) {
      if (address + length <= tables.length) return tables.subarray(address, address + length);
      if (address < FOUR_GIB || address + length > this.size) return undefined;
      return Buffer.from(Array.from({ length }, (_, index) => wordAt(address + index)));
    },
  };
  const wordAt = (address: number): number => Math.floor(address / PAGE) % 251;
  const tables = Buffer.alloc(3 * PAGE);
  const entry = (at: number, index: number, address: number, bits: bigint): void => {
    tables.writeBigUInt64LE(BigInt(address) | bits, at + index * 8);
  };
  entry(POINTERS, 3, PAE_DIRECTORY, PRESENT);
  entry(PAE_DIRECTORY, 0, PAE_TABLE, PRESENT | NO_EXECUTE);
  entry(PAE_DIRECTORY, 1, FOUR_GIB + (2 << 20), LARGE | NO_EXECUTE | (1n << 12n));
  entry(PAE_TABLE, 510, FOUR_GIB + 7 * PAGE, PRESENT);
  entry(PAE_TABLE, 511, FOUR_GIB + 3 * PAGE, PRESENT | NO_EXECUTE);

  it('lead beyond 4 GiB, by 4 KiB and by 2 MiB', () => {
    // CR3 holds cache bits too, below the four entries.
    const bytes = readVirtual(memory, { cr3: POINTERS | 0x18, cr4: CR4_PAE }, BASE + 510 * PAGE + 0x800, 3 * PAGE);
    const physical = [7 * PAGE + 0x800, 3 * PAGE, 2 << 20].map((offset) => FOUR_GIB + offset);
    const lengths = [0x800, PAGE, PAGE + 0x800];
    const expected = physical.map((address, index) => memory.read(address, lengths[index]!)!);
    assert.deepEqual(bytes, Buffer.concat(expected));
    const end = BASE + (4 << 20) - PAGE;
    assert.equal(
      readVirtual(memory, { cr3: POINTERS, cr4: CR4_PAE }, end, PAGE)?.[0],
      wordAt(FOUR_GIB + (4 << 20) - PAGE),
    );
    assert.equal(readVirtual(memory, { cr3: POINTERS, cr4: CR4_PAE }, end, PAGE + 1), undefined);
    assert.equal(readVirtual(memory, { cr3: POINTERS, cr4: CR4_PAE }, 0, 1), undefined);
  });
});
