/** How far a swap has come, told by what its pages hold: at every copy of every exchange, and in the middle of copies. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { SwapFingerprint } from '../../vmcore-viewer/core/swapFingerprint.ts';

const PAGES = 24;
const SWAP_PAGE = (PAGES - 1) * PAGE_SIZE;

class Memory {
  readonly bytes = Buffer.alloc(PAGES * PAGE_SIZE);
  readonly size = this.bytes.length;

  /** Copies so many bytes of a page, from its first on, as `rep movsl` does. */
  copy(from: number, to: number, bytes = PAGE_SIZE): void {
    this.bytes.copy(this.bytes, to, from, from + bytes);
  }

  read(address: number, length: number): Buffer | undefined {
    return address + length > this.size ? undefined : Buffer.from(this.bytes.subarray(address, address + length));
  }
}

/** Few kinds of content, so that pages are often alike: all of it, or all but one byte that no sample sees. */
const contents = fc.array(fc.record({ fill: fc.nat(2), odd: fc.nat(1) }), { minLength: PAGES, maxLength: PAGES });
/** Pages that no other exchange has; some are self pages. */
const swaps = fc
  .shuffledSubarray(Array.from({ length: PAGES - 1 }, (_, page) => page))
  .chain((pages) => fc.tuple(fc.constant(pages), fc.nat(pages.length)))
  .map(([pages, selfPages]) => [
    ...pages.slice(0, selfPages).map((page) => [page, page] as const),
    ...Array.from(
      { length: (pages.length - selfPages) >> 1 },
      (_, index) => [pages[selfPages + 2 * index]!, pages[selfPages + 2 * index + 1]!] as const,
    ),
  ])
  .map((pairs) =>
    pairs.map(([to, from]) => ({ destination: to * PAGE_SIZE, source: from * PAGE_SIZE, entryAddress: 0 })),
  );

describe('the fingerprint of a swap', () => {
  it('never says too much or too little, in the middle of a copy too', () => {
    fc.assert(
      fc.property(contents, swaps, fc.nat(PAGE_SIZE - 4), (pages, exchanges, partOfPage) => {
        const memory = new Memory();
        pages.forEach(({ fill, odd }, page) => {
          memory.bytes.fill(fill, page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
          memory.bytes[page * PAGE_SIZE + 0xff0]! ^= odd;
        });
        const fingerprint = new SwapFingerprint(memory, exchanges, SWAP_PAGE);
        const differ = exchanges.map(
          ({ destination, source }) =>
            destination !== source && pages[destination / PAGE_SIZE]!.fill !== pages[source / PAGE_SIZE]!.fill,
        );
        assert.equal(fingerprint.tellingCount, differ.filter(Boolean).length);
        const isTrueAfter = (done: number): void => {
          const { exchanged, atMost } = fingerprint.progress(memory);
          assert.ok(exchanged <= done && done <= atMost, `${exchanged} ${done} ${atMost}`);
        };
        isTrueAfter(0);
        exchanges.forEach(({ destination, source }, number) => {
          for (const [from, to] of [
            [source, SWAP_PAGE],
            [destination, source],
            [SWAP_PAGE, destination],
          ] as const) {
            memory.copy(from, to, partOfPage & ~3);
            isTrueAfter(number);
            memory.copy(from, to);
            isTrueAfter(from === SWAP_PAGE ? number + 1 : number);
          }
        });
        assert.equal(fingerprint.progress(memory).atMost, exchanges.length);
      }),
    );
  });

  it('is exact where all pages differ', () => {
    const memory = new Memory();
    for (let page = 0; page < PAGES; page++) memory.bytes.fill(page + 1, page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    const exchanges = Array.from({ length: 11 }, (_, number) => ({
      destination: number * PAGE_SIZE,
      source: (22 - number) * PAGE_SIZE,
      entryAddress: 0,
    }));
    const fingerprint = new SwapFingerprint(memory, exchanges, SWAP_PAGE);
    exchanges.forEach(({ destination, source }, number) => {
      assert.deepEqual(fingerprint.progress(memory), { exchanged: number, atMost: number });
      memory.copy(source, SWAP_PAGE);
      memory.copy(destination, source);
      memory.copy(SWAP_PAGE, destination);
    });
    assert.deepEqual(fingerprint.progress(memory), { exchanged: 11, atMost: 11 });
  });

  it('does not believe a third copy whose sampled words have arrived before its last', () => {
    const memory = new Memory();
    // They differ at the first word, and at one that no sample sees.
    memory.bytes[PAGE_SIZE] = memory.bytes[PAGE_SIZE + 0xff0] = 1;
    const exchange = { destination: 0, source: PAGE_SIZE, entryAddress: 0 };
    const fingerprint = new SwapFingerprint(memory, [exchange], SWAP_PAGE);
    memory.copy(PAGE_SIZE, SWAP_PAGE);
    memory.copy(0, PAGE_SIZE);
    memory.copy(SWAP_PAGE, 0, 0xff0);
    assert.equal(fingerprint.progress(memory).exchanged, 0);
    memory.copy(SWAP_PAGE, 0);
    assert.equal(fingerprint.progress(memory).exchanged, 1);
  });
});
