import assert from 'node:assert/strict';
import { resolveWindow } from '../../qemu-runner/window.ts';

describe('window', () => {
  it('knows the two layouts by name', () => {
    assert.deepEqual(resolveWindow('low', 256), { min: 0x100000, max: 0x1ffffff });
    assert.deepEqual(resolveWindow('high', 256), { min: 0x2000000, max: 0x3ffffff });
    assert.deepEqual(resolveWindow('high', 4096), resolveWindow('high', 256), 'also in memory beyond 32 bits');
  });

  const refusals: [string, { min: number; max: number }, number, RegExp][] = [
    [
      'behind the end of memory',
      { min: 0x8000000, max: 0x9ffffff },
      128,
      /ends behind the machine's memory of 128 MiB/,
    ],
    ['too small for kernel B', { min: 0x2000000, max: 0x23fffff }, 256, /is 4 MiB, kernel B needs 12 MiB/],
    ['more than A can spare', { min: 0x100000, max: 0x5ffffff }, 128, /leave too little to swap kernel A's pages to/],
    ['not of whole pages', { min: 0x2000010, max: 0x3ffffff }, 256, /does not begin and end at a page/],
  ];
  for (const [what, window, memory, sentence] of refusals) {
    it(`refuses one that is ${what}`, () => {
      assert.throws(() => resolveWindow(window, memory), sentence);
    });
  }
});
