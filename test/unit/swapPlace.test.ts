import assert from 'node:assert/strict';
import { swapPlace } from '../../debug-adapter/jump/swapPlace.ts';

const SWAP_PAGES = 0x156;
/** As in Linux 6.1. */
const CODE = { readEntry: 0x166, exchange: 0x1a3, copied: [0x1aa, 0x1b5, 0x1c0], done: 0x1c8 } as const;
const CONTROL_PAGE = 0x9000;

/** Two pages from one destination on, the second behind another indirection page. */
const LIST = {
  entries: [
    { address: 0x2000, value: 0x10001 },
    { address: 0x2004, value: 0x20008 },
    { address: 0x2008, value: 0x3002 },
    { address: 0x3000, value: 0x21008 },
    { address: 0x3004, value: 4 },
  ],
  exchanges: [
    { destination: 0x10000, source: 0x20000, entryAddress: 0x2004 },
    { destination: 0x11000, source: 0x21000, entryAddress: 0x3000 },
  ],
  indirectionPages: [0x2000, 0x3000],
};

describe('a place in swap_pages', () => {
  const at = (offset: number, ebx: number) =>
    swapPlace(CODE, SWAP_PAGES, CONTROL_PAGE, LIST, { eip: CONTROL_PAGE + offset, ebx });

  for (const { what, offset, ebx, expected } of [
    { what: 'the start', offset: 0x156, ebx: 0xdead, expected: [0, 0, false, 0] },
    { what: 'the first entry is about to be read', offset: 0x166, ebx: 0x2000, expected: [0, 0, false, 0] },
    { what: 'it was read, and %ebx not moved yet', offset: 0x168, ebx: 0x2000, expected: [1, 0, false, 0] },
    { what: 'a destination', offset: 0x170, ebx: 0x2004, expected: [1, 0, false, 0] },
    { what: 'a source', offset: 0x1a3, ebx: 0x2008, expected: [2, 0, true, 0] },
    { what: 'one copy is done', offset: 0x1aa, ebx: 0x2008, expected: [2, 0, true, 1] },
    { what: 'two are', offset: 0x1b5, ebx: 0x2008, expected: [2, 0, true, 2] },
    { what: 'three are', offset: 0x1c0, ebx: 0x2008, expected: [2, 1, false, 0] },
    { what: 'an indirection page', offset: 0x17a, ebx: 0x3000, expected: [3, 1, false, 0] },
    { what: 'the page behind it', offset: 0x1b5, ebx: 0x3004, expected: [4, 1, true, 2] },
    { what: 'the end', offset: 0x1c8, ebx: 0x3008, expected: [5, 2, false, 0] },
  ]) {
    it(`is known at ${what}`, () => {
      const place = at(offset, ebx);
      assert.ok(place);
      assert.deepEqual([place.entriesRead, place.exchangesDone, place.isExchanging, place.copiesDone], expected);
    });
  }

  it('is nowhere outside of the routine', () => {
    assert.equal(at(0x155, 0x2000), undefined);
    assert.equal(at(0x1cd, 0x2000), undefined);
  });
});
