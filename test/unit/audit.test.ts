/** The audit of a jump on memories made up: an exact exchange has nothing to say, and every fault is named. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AuditFindings } from '../../vmcore-viewer/core/auditFindings.ts';
import type { AuditMoment } from '../../vmcore-viewer/core/auditStages.ts';
import { textOfAudit } from '../../vmcore-viewer/core/auditText.ts';
import { AUDIT_VERDICT } from '../../vmcore-viewer/core/auditVerdicts.ts';
import { PageHashes } from '../../vmcore-viewer/core/pageHashes.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { assertGolden } from './golden.ts';
import {
  PAGES,
  CONTROL,
  SWAP,
  REAL_MODE,
  EXCHANGEABLE,
  Memory,
  exchange,
  Jump,
  violations,
  statuses,
  named,
  pfn,
  anyList,
  soundList,
  byte,
} from './auditedJumps.ts';

describe('page hashes', () => {
  it('differ where one byte differs', () => {
    fc.assert(
      fc.property(fc.nat(PAGES - 1), byte, fc.integer({ min: 1, max: 255 }), (page, at, difference) => {
        const memory = new Memory();
        const before = new PageHashes(memory);
        memory.page(page)[at]! ^= difference;
        const after = new PageHashes(memory);
        for (let other = 0; other < PAGES; other++) assert.equal(after.same(other, before, other), other !== page);
      }),
    );
  });

  it('are of every page around a hole, wherever the bytes lie in a buffer', () => {
    const memory = new Memory();
    const whole = new PageHashes(memory);
    memory.holes.add(3);
    const holed = new PageHashes(memory);
    const shifted = {
      size: memory.size,
      read: (at: number, length: number) => unaligned(memory.bytes.subarray(at, at + length)),
    };
    const moved = new PageHashes(shifted);
    for (let page = 0; page < PAGES; page++) {
      assert.equal(holed.same(page, whole, page), page !== 3);
      assert.ok(moved.same(page, whole, page));
    }
  });
});

describe('audit', () => {
  it('has nothing to say of an exact exchange, of any page list', () => {
    fc.assert(
      fc.property(anyList, (exchanges) => {
        const report = new Jump(exchanges).run();
        assert.deepEqual(named(report, 'swap', 'changed'), []);
        const ofSwaps = violations(report).filter(({ stage }) => stage === 'swap' || stage === 'swapBack');
        assert.deepEqual(ofSwaps, []);
      }),
    );
  });

  it('has nothing to say of a jump there and back by a sound list, whatever the peer does with its own pages', () => {
    fc.assert(
      fc.property(soundList, byte, (exchanges, at) => {
        const jump = new Jump(exchanges);
        const peersPages = new Set(exchanges.map(({ destination }) => destination / PAGE_SIZE));
        const report = jump.run({
          meanwhile: () => {
            for (const page of peersPages) jump.memory.flip(page, at);
          },
        });
        assert.deepEqual(violations(report), []);
        assert.equal(report.violations, 0);
        const { layer } = jump.report();
        for (let page = 0; page < EXCHANGEABLE; page++) {
          const taken = exchanges.find(({ destination, source }) => [destination, source].includes(page * PAGE_SIZE));
          const expected = !taken ? 'untouched' : taken.destination === taken.source ? 'self' : 'exact';
          assert.equal(layer[page], AUDIT_VERDICT[expected]);
        }
        assert.equal(layer[CONTROL], AUDIT_VERDICT.legitimate);
      }),
    );
  });

  it('names the one page that differs in a byte after a swap', () => {
    fc.assert(
      fc.property(soundList, pfn, byte, fc.boolean(), (exchanges, page, at, isBack) => {
        const jump = new Jump(exchanges);
        const flip = (): void => {
          jump.memory.flip(page, at);
        };
        const report = jump.run(isBack ? { afterSwapBack: flip } : { afterSwap: flip });
        const found = violations(report).filter(({ stage }) => stage === (isBack ? 'swapBack' : 'swap'));
        assert.deepEqual(
          found.map(({ pfn: first, pages }) => [first, pages]),
          [[page, 1]],
        );
      }),
    );
  });

  it('names the page of the dormant kernel that the peer changed, where it waited, and that it is missing', () => {
    fc.assert(
      fc.property(soundList, pfn, byte, (exchanges, page, at) => {
        fc.pre(!exchanges.some(({ source }) => source === page * PAGE_SIZE));
        const jump = new Jump(exchanges);
        const taken = exchanges.find(({ destination }) => destination === page * PAGE_SIZE);
        const waitsIn = (taken?.source ?? page * PAGE_SIZE) / PAGE_SIZE;
        const report = jump.run({
          meanwhile: () => {
            jump.memory.flip(waitsIn, at);
          },
        });
        assert.deepEqual(
          violations(report).map(({ stage, verdict, pfn: first, waitsIn: where }) => [stage, verdict, first, where]),
          [
            ['absence', 'changed', page, taken ? waitsIn : undefined],
            ['return', 'missing', page, undefined],
          ],
        );
      }),
    );
  });

  it('names the copies that an exchange lacks', () => {
    const jump = new Jump([exchange(1, 11), exchange(2, 12), exchange(3, 13)]);
    const report = jump.run({
      afterSwap: () => {
        // The third copy of one, and all of another.
        jump.memory.page(1).fill(1 + 1);
        jump.memory.page(2).fill(2 + 1);
        jump.memory.page(12).fill(12 + 1);
      },
    });
    assert.deepEqual(
      violations(report)
        .filter(({ stage }) => stage === 'swap')
        .map(({ verdict, pfn: page, why }) => [page, verdict, why]),
      [
        [1, 'notExchanged', 'destination: the third copy, swap page to destination, did not happen'],
        [2, 'notExchanged', 'destination'],
        [12, 'notExchanged', 'source'],
      ],
    );
  });

  it('names what is wrong with a page list', () => {
    const list = [
      ...[exchange(1, 11), exchange(1, 12), exchange(2, 13), exchange(3, 13), exchange(4, 14), exchange(5, SWAP)],
      ...[exchange(6, PAGES), exchange(7, 17)],
    ];
    const segments = [
      { address: PAGE_SIZE, size: 6 * PAGE_SIZE },
      { address: 9 * PAGE_SIZE + 5, size: PAGE_SIZE },
    ];
    const jump = new Jump(list, { segments, isKexecs: (page) => page !== 14 });
    assert.deepEqual(
      jump.report().report.findings.map(({ verdict, pfn: page, pages }) => [verdict, page, pages]),
      [
        ['destinationTwice', 1, 1],
        ['outsideSegments', 7, 1],
        ['notCovered', 9, 2],
        ['sourceTwice', 13, 1],
        ['notKexecs', 14, 1],
        ['exchangesOwn', SWAP, 1],
        ['outsideMemory', PAGES, 1],
      ],
    );
  });

  it('wants a source back that is not kexec’s', () => {
    const jump = new Jump([exchange(1, 11), exchange(2, 12)], { isKexecs: (page) => page !== 11 });
    const report = jump.run({
      meanwhile: () => {
        jump.memory.flip(1);
        jump.memory.flip(2);
      },
    });
    assert.deepEqual(named(report, 'list', 'notKexecs'), [11]);
    assert.deepEqual(named(report, 'absence', 'changed'), [11]);
    assert.deepEqual(named(report, 'return', 'missing'), [11]);
  });

  it('wants the real-mode trampoline back if other CPUs are started through it', () => {
    const realMode = { address: REAL_MODE * PAGE_SIZE, size: 100, isNeeded: true };
    const report = new Jump([], { realMode }).run();
    assert.deepEqual(
      violations(report).map(({ stage, verdict, pfn: page, owner }) => [stage, verdict, page, owner]),
      [
        ['absence', 'changed', REAL_MODE, 'real-mode trampoline'],
        ['return', 'missing', REAL_MODE, 'real-mode trampoline'],
      ],
    );
  });

  it('says of a page list that does not decode which entry is wrong, and that nothing else can be judged', () => {
    const jump = new Jump([exchange(1, 11)]);
    jump.run();
    const { report } = jump.report({ brokenEntry: { address: 0x1e008, value: 0x5000, why: 'has no flag' } });
    assert.equal(report.violations, 1);
    assert.deepEqual(statuses(report), ['judged', 'notJudged', 'notJudged', 'notJudged', 'notJudged']);
    assert.match(
      report.text,
      /It does not decode: the entry at physical 0x1e008, 0x5000, has no flag\. 1 exchange comes/,
    );
  });

  it('says of each stage whether it was judged, is yet to come, or cannot be judged, and why', () => {
    const moments: readonly AuditMoment[] = ['swapBegins', 'departed', 'swapsBack', 'swappedBack'];
    const seen = (...which: number[]): Jump => {
      const jump = new Jump([]);
      for (const index of which) jump.at(moments[index]!);
      return jump;
    };
    const [judged, later, never] = ['judged', 'notReached', 'notJudged'];
    const why = { unseen: 'it was off', over: 'it was switched off' };
    for (const [jump, known, expected] of [
      [seen(0), {}, [judged, later, later, later, later]],
      [seen(0, 1), {}, [judged, judged, later, later, later]],
      [seen(0, 1, 2), {}, [judged, judged, judged, later, later]],
      [seen(0, 1, 2, 3), why, [judged, judged, judged, judged, judged]],
      [seen(1), { unseen: why.unseen }, [judged, never, later, later, never]],
      [seen(2, 3), { unseen: why.unseen }, [judged, never, never, judged, never]],
      [seen(3), { unseen: why.unseen }, [judged, never, never, never, never]],
      [seen(0, 1), { over: why.over }, [judged, judged, never, never, never]],
      [seen(0), { unknown: ['it is not known'] }, ['partlyJudged', later, later, later, later]],
    ] as const) {
      const { report } = jump.report(known);
      assert.deepEqual(statuses(report), expected);
      assert.equal(
        report.isComplete,
        expected.every((status) => status === judged),
      );
      for (const { status, why: reason } of report.stages) assert.equal(reason === undefined, status === judged);
    }
    const { text } = seen(1).report({ unseen: why.unseen }).report;
    assert.match(
      text,
      /^No violation in what was judged\. NOT JUDGED: the swap, whether kernel A has all its pages back\.$/m,
    );
    assert.match(text, /NOT JUDGED: memory before kernel A's swap was not seen: it was off\./);
    assert.match(text, /Not reached yet: kernel B has not jumped back yet\./);
  });

  it('judges the memory of a kernel that was given some by its peer, wherever it waits', () => {
    fc.assert(
      fc.property(soundList, pfn, byte, (exchanges, page, at) => {
        fc.pre(exchanges.length > 0);
        const jump = new Jump([], { received: { exchanges }, realMode: undefined });
        const given = exchanges.find(({ destination }) => destination === page * PAGE_SIZE);
        const waitsIn = (given?.source ?? 0) / PAGE_SIZE;
        jump.at('swapBegins');
        jump.memory.flip(CONTROL);
        jump.at('departed');
        jump.memory.swap(exchanges);
        // The peer runs: all but what it keeps for this kernel is its own.
        for (let other = 0; other < EXCHANGEABLE; other++) {
          if (!exchanges.some(({ source }) => source === other * PAGE_SIZE)) jump.memory.flip(other, at);
        }
        if (given) jump.memory.flip(waitsIn, at);
        jump.memory.swap(exchanges);
        jump.at('swapsBack');
        jump.memory.flip(CONTROL, 1);
        jump.at('swappedBack');
        const { report, layer } = jump.report();
        const place = waitsIn === page ? undefined : waitsIn;
        assert.deepEqual(
          violations(report).map(({ stage, verdict, pfn: first, waitsIn: where }) => [stage, verdict, first, where]),
          given
            ? [
                ['absence', 'changed', page, place],
                ['return', 'missing', page, undefined],
              ]
            : [],
        );
        if (given) assert.equal(layer[waitsIn], AUDIT_VERDICT.changed);
      }),
    );
  });

  it('does not hold a list against what is not known', () => {
    const jump = new Jump([exchange(1, 11), exchange(7, 12)], { segments: undefined, isKexecs: undefined });
    assert.deepEqual(jump.report().report.findings, []);
  });

  it('counts pages side by side as one finding', () => {
    const findings = new AuditFindings(8, {
      ownerOf: (page) => (page < 4 ? 'free' : 'user'),
      symbolsIn: () => undefined,
    });
    for (const page of [1, 2, 3, 4, 6]) findings.tell('return', page, 'missing');
    findings.tell('return', 7, 'legitimate', { why: 'so' });
    assert.deepEqual(
      findings.all.map(({ pfn: first, pages, owner }) => [first, pages, owner]),
      [
        [1, 3, 'free'],
        [4, 1, 'user'],
        [6, 1, 'user'],
        [7, 1, 'user'],
      ],
    );
  });

  it('is a text for a mail', () => {
    const jump = new Jump([exchange(1, 11), exchange(2, 12), exchange(3, 3)]);
    const report = jump.run({
      afterSwap: () => {
        jump.memory.flip(12);
      },
      meanwhile: () => {
        jump.memory.flip(0);
        jump.memory.flip(11);
      },
    });
    assertGolden('audit.txt', report.text);
  });

  it('tells of several jumps at a glance, and of those in full that a later one does not repeat', () => {
    const jump = new Jump([exchange(1, 11)]);
    jump.run();
    const exact = [1, 2, 3].map((number) => jump.report({ number, kernel: number === 2 ? 'B' : 'A' }).report);
    const open = new Jump([]).report({ number: 4, kernel: 'B', peer: 'A', unseen: 'it was off' }).report;
    const text = textOfAudit([...exact, open]);
    assert.match(text, /^Jumps that were audited\n {2}1: kernel A into kernel B and back\. No violation\.\n {2}2: /);
    assert.match(text, /^ {2}4: kernel B into kernel A\. No violation so far\.$/m);
    const inFull = [...text.matchAll(/^Audit of jump (\d)/gm)].map(([, number]) => number);
    assert.deepEqual(inFull, ['2', '3', '4']);
  });
});

/** A copy at an address that no word has. */
function unaligned(bytes: Buffer): Buffer {
  const copy = Buffer.alloc(bytes.length + 1);
  bytes.copy(copy, 1);
  return copy.subarray(1);
}
