import assert from 'node:assert/strict';
import { CodeMap } from '../../debug-adapter/stepping/codeMap.ts';
import { frameBase } from '../../debug-adapter/stepping/frameDepth.ts';
import { plan } from '../../debug-adapter/stepping/plan.ts';
import { beginStep } from '../../debug-adapter/stepping/rules.ts';

/**
 * A function of eleven instructions of two bytes each, from 0x1000 on:
 *
 *     10  int f(int n)
 *     12      if (n)
 *     13          g();            (inlined: lines 3 and 4 of another file)
 *     14      h();
 *     15  }
 */
const FUNCTION = {
  name: 'f',
  files: ['f.c', 'g.h'],
  lines: [
    [0x1000, 0x1006, 0, 10, 1],
    [0x1006, 0x100a, 0, 12, 1],
    [0x100a, 0x100c, 1, 3, 1],
    [0x100c, 0x100e, 1, 4, 1],
    [0x100e, 0x1010, 0, 14, 1],
    [0x1010, 0x1012, 0, 14, 0],
    [0x1012, 0x1016, 0, 15, 1],
  ],
  inlined: [['g', -1, 0x100e, 0, 13]],
  labels: [['Out', 15, 0x1012]],
  instructions: [
    [0x1000, 'push   %ebp', 0, -1],
    [0x1002, 'mov    %esp,%ebp', 0, -1],
    [0x1004, 'sub    $0x8,%esp', 0, -1],
    [0x1006, 'test   %eax,%eax', 1, -1],
    [0x1008, 'je     0x100e <f+14>', 1, -1],
    [0x100a, 'lock incl 0x8(%eax)', 2, 0],
    [0x100c, 'incl   0xc(%eax)', 3, 0],
    [0x100e, 'call   0x2000 <h>', 4, -1],
    [0x1010, 'nop', 5, -1],
    [0x1012, 'leave', 6, -1],
    [0x1014, 'ret', 6, -1],
  ],
};

describe('a step by line', () => {
  const map = CodeMap.parse(JSON.stringify(FUNCTION));
  /** Exits by address, in hexadecimal. */
  const exitsOf = (pc: number, how: 'into' | 'over', hidden = 0): Record<string, string> => {
    const step = beginStep(map, pc, how, hidden);
    assert.ok(step);
    const exits = plan(map, pc, step);
    assert.ok(exits);
    const texts = [...exits].map(([address, exit]) => [
      address.toString(16),
      exit.kind === 'end' ? `end ${exit.hidden}` : exit.kind,
    ]);
    return Object.fromEntries(texts) as Record<string, string>;
  };

  it('ends at the lines that a branch leads to, in front of an inlined function', () => {
    assert.deepEqual(exitsOf(0x1006, 'over'), { '100a': 'end 1', '100e': 'end 0' });
  });

  it('goes over an inlined function that is not entered, and through one that is', () => {
    assert.deepEqual(exitsOf(0x100a, 'over', 1), { '100e': 'end 0' });
    assert.deepEqual(exitsOf(0x100a, 'over', 0), { '100c': 'end 0' });
  });

  it('goes over a call, or has it decided there; a line entry that begins no statement is passed', () => {
    assert.deepEqual(exitsOf(0x100e, 'over'), { '1012': 'end 0' });
    assert.deepEqual(exitsOf(0x100e, 'into'), { '100e': 'call' });
  });

  it('leaves the function by its return', () => {
    assert.deepEqual(exitsOf(0x1012, 'over'), { '1014': 'leave' });
  });

  it('knows the base of the frame everywhere', () => {
    // The stack pointer at the entry is 0x9000: the return address is there.
    const pointers = new Map<number, [esp: number, ebp: number]>([
      [0x1000, [0x9000, 0]],
      [0x1002, [0x8ffc, 0]],
      [0x1004, [0x8ffc, 0x8ffc]],
      [0x1006, [0x8ff4, 0x8ffc]],
      [0x1012, [0x8ff4, 0x8ffc]],
      [0x1014, [0x9000, 0]],
    ]);
    for (const [pc, [esp, ebp]] of pointers) assert.equal(frameBase(map.depth(pc), esp, ebp), 0x9004, pc.toString(16));
  });

  it('says where code lies, and takes nothing for code that is none', () => {
    assert.deepEqual(map.spans(), [{ start: 0x1000, end: 0x1014 }]);
    assert.equal(map.at(0x1001), undefined);
    assert.throws(() => CodeMap.parse('Python Exception'), SyntaxError);
  });
});
