/** The rules of a resume that need no memory of a kernel: by which re-entry point, and how much memory kernel C needs. */
import assert from 'node:assert/strict';
import { judgeResumability, type ResumeQuestion, type RuleOutcome } from '../../vmcore-viewer/core/resumability.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { note, PAGE, pageOf, resumable, withImage, withPaths, writeElf } from './imageFiles.ts';

const MIB = 1 << 20;
/** Of memory that is zeros but for its first page. */
const SIZE = 100 * MIB;

function ruleOf(title: string, notes: readonly Buffer[], question: Omit<ResumeQuestion, 'image'>): RuleOutcome {
  const loads = [{ physical: 0, bytes: pageOf(0), memorySize: SIZE }];
  return withImage([writeElf({ bits: 32, loads, notes })], (image) => {
    const rule = judgeResumability({ image, ...question }).rules.find((each) => each.title === title);
    assert.ok(rule);
    return rule;
  });
}

describe("the rule of kernel C's memory", () => {
  const low = [note('KEXECJUMP', 1, resumable())];
  const high = [note('KEXECJUMP', 1, resumable({ window: [0x2000000n, 0x3ffffffn] }))];
  const sizeOf = (notes: readonly Buffer[], mebibytes?: number): RuleOutcome =>
    ruleOf('Size', notes, {
      entry: undefined,
      loaderMemory: mebibytes === undefined ? undefined : mebibytes * MIB,
    });

  it('tells what both ways back need', () => {
    const { verdict, finding } = sizeOf(low);
    assert.equal(verdict, 'holds');
    assert.equal(
      finding,
      '100 MiB to be loaded: kexec_load copies them first, so kernel C needs 200 MiB to load them; no more than kernel A had (256 MiB) ' +
        'to copy them to their places, if it lives in the window 0x100000-0x1ffffff (mem=32M). How much kernel C has was not given.',
    );
    assert.match(sizeOf(high).finding, /if it lives in the window 0x2000000-0x3ffffff\. How much/);
    assert.match(sizeOf([]).finding, /200 MiB to load them; the image has no note of its window, without which/);
  });

  for (const [name, notes, mebibytes, verdict, finding] of [
    ['loads the image with twice its size', low, 200, 'holds', /has 200 MiB: it can load them\.$/],
    ['copies it from the low window', low, 32, 'holds', /has 32 MiB, all of it in the window: it can copy them\.$/],
    ['does neither with less than twice, and more than the window', low, 199, 'broken', /it can do neither\.$/],
    ['does neither when the window is not where it begins', high, 64, 'broken', /it can do neither\.$/],
    ['does neither when the window is not known', [], 32, 'broken', /it can do neither\.$/],
  ] as const) {
    it(name, () => {
      const rule = sizeOf(notes, mebibytes);
      assert.equal(rule.verdict, verdict);
      assert.match(rule.finding, finding);
    });
  }

  it('says what would do', () => {
    assert.equal(
      sizeOf(low, 64).remedy,
      'Boot kernel C with 200 MiB of memory or with mem=32M, or leave out free and zero pages (level 17).',
    );
    assert.match(sizeOf(high, 64).remedy!, /^Boot kernel C with 200 MiB of memory, or leave out/);
  });
});

describe('the rule of the re-entry point', () => {
  it('is broken by an image in whose memory no kernel has left, and not known of one that was not looked through', () => {
    const outcomes = (['none', undefined] as const).map((entry) => ruleOf('Re-entry point', [], { entry }));
    assert.deepEqual(
      outcomes.map(({ verdict }) => verdict),
      ['broken', 'unknown'],
    );
    assert.match(outcomes[0]!.finding, /^No kernel has left by a jump in this image/);
  });

  it('is asked with all that the memory tells', () => {
    const loads = [{ physical: 0, bytes: Buffer.concat([pageOf(0), pageOf(1)]) }];
    const whole = writeElf({ bits: 32, loads });
    withPaths([whole, whole.subarray(0, -PAGE)], ([path, cut]) => {
      const asked = (file: string, entry?: 'none'): Explorer['reentryPoint'] => {
        const explorer = Explorer.open({ paths: [file], entry });
        explorer.close();
        return explorer.reentryPoint;
      };
      assert.equal(asked(path!), 'none');
      // Nobody has looked, and what was lost may have had it.
      assert.equal(asked(path!, 'none'), undefined);
      assert.equal(asked(cut!), undefined);
    });
  });
});
