import assert from 'node:assert/strict';
import fc from 'fast-check';
import { timelineOf } from '../../extension/pageMapTimeline.ts';
import type { TimelineSpan } from '../../vmcore-viewer/protocol.ts';
import { describeSpan, durationOf, growthOf, lastedOf } from '../../vmcore-viewer/webview/spans.ts';

const span = (begin: number, end?: number): TimelineSpan => ({
  ...{ label: 'leaving A', detail: 'It leaves.', group: 'Kernel A', color: 'charts.blue', mark: 'plain', begin },
  ...(end === undefined ? {} : { end }),
});

describe('spans of a timeline', () => {
  it('tell durations with as much precision as they have', () => {
    const expected: [number, string][] = [
      [0, '<1 ms'],
      [0.0031, '3 ms'],
      [0.9996, '1.00 s'],
      [1.254, '1.25 s'],
      [9.996, '10.0 s'],
      [59.96, '1 min 00 s'],
      [125.4, '2 min 05 s'],
    ];
    for (const [seconds, text] of expected) assert.equal(durationOf(seconds), text);
  });

  it('are wider the longer they last, and never too wide to be read side by side', () => {
    const times = fc.double({ min: 0, max: 3600, noNaN: true });
    fc.assert(
      fc.property(times, times, (one, other) => {
        const [short, long] = [Math.min(one, other), Math.max(one, other)];
        assert.ok(growthOf(span(7, 7 + short)) <= growthOf(span(7, 7 + long)));
        assert.ok(growthOf(span(7, 7 + long)) < 100);
      }),
    );
  });

  it('say when, and that the last one lasts', () => {
    assert.deepEqual(describeSpan(span(2, 2.5)), [
      'leaving A, Kernel A',
      'It leaves.',
      '500 ms: from 2.00 s to 2.50 s',
    ]);
    assert.deepEqual([lastedOf(span(2, 2.5)), lastedOf(span(2))], ['500 ms', 'since 2.00 s']);
    assert.match(describeSpan(span(2))[2]!, /it lasts/);
  });
});

describe('the timeline of a jump', () => {
  it('has each phase that has begun, until the next one', () => {
    const spans = timelineOf([
      {
        ...{ phase: 'A quiescing', kernel: 'A', seconds: 1 },
        calls: [{ kernel: 'A', function: 'freeze_processes', began: 1.1, returned: 1.25 }],
      },
      { phase: 'purgatory', kernel: 'B', seconds: 1.5, calls: [] },
    ]);
    assert.deepEqual(
      spans.map(({ label, group, begin, end, mark }) => [label, group, begin, end, mark]),
      [
        ['A quiescing', 'Kernel A', 1, 1.5, 'plain'],
        ['purgatory', 'Kernel B', 1.5, undefined, 'stripes'],
      ],
    );
    assert.match(spans[0]!.detail, /^kernel_kexec\(\) freezes.*\nfreeze_processes\(\) 0\.15 s$/);
    assert.match(spans[1]!.detail, /^kexec-tools/);
    assert.deepEqual(timelineOf([]), []);
  });
});
