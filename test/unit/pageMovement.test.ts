/** What the page map draws between two pictures of a swap is what the next picture would show. */
import assert from 'node:assert/strict';
import { moved, type Movable } from '../../extension/pageMovement.ts';

const COUNT = 5;
/** Destinations are pages 0 to 4, sources 10 to 14. */
const PAIRS = Array.from({ length: COUNT }, (_, number) => [number, 10 + number] as const);

/** The picture after so many exchanges: kernel A's pages have class 1, kernel B's 2. */
function picture(done: number, isReturn: boolean): Movable {
  const classes = new Uint8Array(16);
  const owners = new Uint8Array(16);
  PAIRS.forEach(([destination, source], number) => {
    const isOfB = number < done !== isReturn ? destination : source;
    owners[isOfB] = 1;
    classes[destination] = classes[source] = 1;
    classes[isOfB] = 2;
  });
  return { classes, owners, pairs: Uint32Array.from(PAIRS.flat()), progress: { done, isReturn } };
}

describe('the movement of pages', () => {
  for (const isReturn of [false, true]) {
    it(`is that of the swap, ${isReturn ? 'on the way back' : 'on the way out'}`, () => {
      for (let from = 0; from <= COUNT; from++) {
        for (let done = from; done <= COUNT; done++) {
          assert.deepEqual(moved(picture(from, isReturn), { done, isReturn }), picture(done, isReturn));
        }
      }
    });
  }

  it('begins the way back where the way out has ended', () => {
    assert.deepEqual(moved(picture(COUNT, false), { done: 2, isReturn: true }), picture(2, true));
    const elsewhere = picture(1, false);
    assert.equal(moved(elsewhere, { done: 2, isReturn: true }), elsewhere);
  });

  it('leaves what is drawn alone when the answer is older', () => {
    const before = picture(3, false);
    assert.equal(moved(before, { done: 2, isReturn: false }), before);
  });
});
