/** The difference of two memories, page by page, in pieces and at their edges. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  comparePages,
  countDifferences,
  DIFFERENCES,
  findDifferences,
  type Comparable,
} from '../../vmcore-viewer/core/imageDiff.ts';
import { PAGE_CLASS } from '../../vmcore-viewer/core/pageClassNames.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { copyOf } from './copyOf.ts';

/** A memory of pages that are filled with a number each; `undefined` is not there. */
function memoryOf(pages: readonly (number | undefined)[]): Comparable {
  const bytes = Buffer.concat(pages.map((value) => Buffer.alloc(PAGE_SIZE, value ?? 0)));
  return {
    memory: { size: bytes.length, read: (at, length, scratch) => copyOf(bytes.subarray(at, at + length), scratch) },
    has: (pfn) => pages[pfn] !== undefined,
  };
}

const names = (first: readonly (number | undefined)[], second: readonly (number | undefined)[]): string[] =>
  [...comparePages(memoryOf(first), memoryOf(second))].map((number) => DIFFERENCES[number]!);

describe('the difference of two memories', () => {
  it('is told for each page', () => {
    assert.deepEqual(names([1, 2, undefined, 4, undefined], [1, 3, 3, undefined, undefined, 6]), [
      ...['same', 'different', 'onlySecond', 'onlyFirst', 'neither', 'onlySecond'],
    ]);
  });

  it('is what a look at each page alone would find, however long the memory is', () => {
    const pages = fc.array(fc.option(fc.nat(1), { nil: undefined }), { minLength: 200, maxLength: 600 });
    fc.assert(
      fc.property(pages, pages, (first, second) => {
        const expected = Array.from({ length: Math.max(first.length, second.length) }, (_, pfn) => {
          const [one, other] = [first[pfn], second[pfn]];
          if (one === undefined) return other === undefined ? 'neither' : 'onlySecond';
          if (other === undefined) return 'onlyFirst';
          return one === other ? 'same' : 'different';
        });
        assert.deepEqual(names(first, second), expected);
      }),
      { numRuns: 20 },
    );
  });

  it('is counted by owner and class, and told in ranges', () => {
    const differences = comparePages(memoryOf([1, 1, 1, 1, undefined]), memoryOf([1, 2, 2, 2, 5]));
    const { free, user } = PAGE_CLASS;
    const kinds = {
      classes: Uint8Array.from([free, free, free, user, user]),
      owners: Uint8Array.from([0, 0, 1, 0, 0]),
    };
    assert.deepEqual(findDifferences(differences, kinds), [
      { class: 'free', owner: 0, firstPfn: 1, count: 1, difference: 'different' },
      { class: 'free', owner: 1, firstPfn: 2, count: 1, difference: 'different' },
      { class: 'user', owner: 0, firstPfn: 3, count: 1, difference: 'different' },
      { class: 'user', owner: 0, firstPfn: 4, count: 1, difference: 'onlySecond' },
    ]);
    const counts = countDifferences(differences, kinds);
    assert.deepEqual(
      counts.map((entry) => [entry.owner, entry.class, ...Object.values(entry.counts).slice(0, 4)]),
      [
        [0, 'free', 1, 1, 0, 0],
        [0, 'user', 0, 1, 0, 1],
        [1, 'free', 0, 1, 0, 0],
      ],
    );
  });
});
