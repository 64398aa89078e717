import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import {
  decodePageList,
  IND_DESTINATION,
  IND_DONE,
  IND_INDIRECTION,
  IND_SOURCE,
} from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';

class Memory implements PhysicalMemory {
  readonly bytes: Buffer;
  constructor(pages: number) {
    this.bytes = Buffer.alloc(pages * PAGE_SIZE);
  }
  get size(): number {
    return this.bytes.length;
  }
  read(address: number, length: number): Buffer | undefined {
    return address + length > this.size ? undefined : Buffer.from(this.bytes.subarray(address, address + length));
  }
  page(number: number): Buffer {
    return this.bytes.subarray(number * PAGE_SIZE, (number + 1) * PAGE_SIZE);
  }
}

/** Writes a page list as kimage_add_entry() does: entries in indirection pages, the last of each leads to the next. */
function writePageList(memory: Memory, indirection: readonly number[], entries: readonly number[]): number {
  const perPage = 4;
  entries.forEach((entry, index) => {
    const page = indirection[Math.floor(index / perPage)]!;
    memory.bytes.writeUInt32LE(entry, page * PAGE_SIZE + (index % perPage) * 4);
  });
  for (let part = 1; part * perPage < entries.length + 1; part++) {
    const link = indirection[part - 1]! * PAGE_SIZE + perPage * 4;
    memory.bytes.writeUInt32LE(indirection[part]! * PAGE_SIZE + IND_INDIRECTION, link);
  }
  const last = indirection[Math.floor(entries.length / perPage)]!;
  memory.bytes.writeUInt32LE(IND_DONE, last * PAGE_SIZE + (entries.length % perPage) * 4);
  return indirection[0]! * PAGE_SIZE + IND_INDIRECTION;
}

/** What swap_pages does to memory, page by page as the assembler does. */
function swap(memory: Memory, list: { destination: number; source: number }[]): void {
  for (const { destination, source } of list) {
    const [to, from] = [memory.page(destination / PAGE_SIZE), memory.page(source / PAGE_SIZE)];
    const swapPage = Buffer.from(from);
    to.copy(from);
    swapPage.copy(to);
  }
}

describe('page list', () => {
  it('walks destinations, sources and indirection pages', () => {
    const memory = new Memory(64);
    const head = writePageList(
      memory,
      [2, 3],
      [
        0x10000 + IND_DESTINATION,
        0x20000 + IND_SOURCE,
        0x21000 + IND_SOURCE,
        0x15000 + IND_DESTINATION,
        0x22000 + IND_SOURCE,
      ],
    );
    const { entries, ...list } = decodePageList(memory, head);
    assert.deepEqual(
      entries.map(({ address, value }) => [address, value]),
      [
        [0x2000, 0x10001],
        [0x2004, 0x20008],
        [0x2008, 0x21008],
        [0x200c, 0x15001],
        [0x2010, 0x3002],
        [0x3000, 0x22008],
        [0x3004, 4],
      ],
    );
    assert.deepEqual(list, {
      exchanges: [
        { destination: 0x10000, source: 0x20000, entryAddress: 0x2004 },
        { destination: 0x11000, source: 0x21000, entryAddress: 0x2008 },
        { destination: 0x15000, source: 0x22000, entryAddress: 0x3000 },
      ],
      indirectionPages: [0x2000, 0x3000],
    });
  });

  it('is empty when the head says done, as after --load-jump-back-helper', () => {
    assert.deepEqual(decodePageList(new Memory(1), IND_DONE), { entries: [], exchanges: [], indirectionPages: [] });
  });

  it('says which entry is broken', () => {
    const memory = new Memory(8);
    const head = writePageList(memory, [2], [0x5000 + IND_SOURCE]);
    assert.throws(() => decodePageList(memory, head), /broken at physical 0x2000.*source without a destination/);
    assert.throws(() => decodePageList(new Memory(8), 0x20000 + IND_INDIRECTION), /cannot be read/);
    assert.throws(() => decodePageList(new Memory(8), 0), /none of the flags/);
  });

  it('ends on a list that loops', () => {
    const memory = new Memory(4);
    memory.bytes.writeUInt32LE(0x1000 + IND_INDIRECTION, 0x1000);
    assert.throws(() => decodePageList(memory, 0x1000 + IND_INDIRECTION), /never ends/);
  });

  it('never throws anything but its own sentence, whatever the memory holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: PAGE_SIZE, maxLength: PAGE_SIZE }), fc.nat(0xffff), (bytes, head) => {
        const memory = new Memory(2);
        memory.bytes.set(bytes, PAGE_SIZE);
        try {
          decodePageList(memory, head);
        } catch (error) {
          assert.equal((error as Error).name, 'MemoryError');
        }
      }),
    );
  });
});

describe('overlay', () => {
  it('shows memory as it was before any swaps, for lists that share pages too', () => {
    const page = fc.nat(15).map((number) => number * PAGE_SIZE);
    const exchange = fc.record({ destination: page, source: page, entryAddress: fc.constant(0) });
    const lists = fc.array(fc.array(exchange, { maxLength: 12 }), { maxLength: 4 });
    fc.assert(
      fc.property(lists, (exchangesOfLists) => {
        const memory = new Memory(16);
        for (let number = 0; number < 16; number++) memory.page(number).fill(number);
        for (const exchanges of exchangesOfLists) swap(memory, exchanges);
        const overlay = new Overlay(
          memory,
          exchangesOfLists.map((exchanges) => ({ exchanges })),
        );
        for (let number = 0; number < 16; number++) {
          assert.equal(overlay.read(number * PAGE_SIZE + 5, 1)?.[0], number);
        }
      }),
    );
  });

  it('reads at once what it would read byte by byte', () => {
    const page = fc.nat(7).map((number) => number * PAGE_SIZE);
    const exchanges = fc.array(fc.record({ destination: page, source: page, entryAddress: fc.constant(0) }));
    const span = fc.record({ at: fc.nat(8 * PAGE_SIZE), length: fc.nat(4 * PAGE_SIZE) });
    fc.assert(
      fc.property(exchanges, span, (swapped, { at, length }) => {
        const memory = new Memory(8);
        for (let number = 0; number < 8; number++) memory.page(number).fill(number + 1);
        const overlay = new Overlay(memory, [{ exchanges: swapped }]);
        const bytes = Array.from({ length }, (_, index) => overlay.read(at + index, 1));
        const expected = bytes.includes(undefined) ? undefined : Buffer.concat(bytes as Buffer[]);
        assert.deepEqual(overlay.read(at, length), expected);
      }),
      { numRuns: 20 },
    );
  });

  it('reads across a page border from two places', () => {
    const memory = new Memory(4);
    for (let number = 0; number < 4; number++) memory.page(number).fill(number);
    const exchanges = [{ destination: PAGE_SIZE, source: 3 * PAGE_SIZE, entryAddress: 0 }];
    const overlay = new Overlay(memory, [{ exchanges }]);
    assert.deepEqual([...overlay.read(PAGE_SIZE - 1, 2)!], [0, 3]);
    assert.equal(overlay.read(4 * PAGE_SIZE - 1, 2), undefined);
  });
});
