import assert from 'node:assert/strict';
import fc from 'fast-check';
import { changedRuns, packRuns, unpackRuns } from '../../vmcore-viewer/pageRuns.ts';
import { OWNER_CHANNEL, type PageMapModel } from '../../vmcore-viewer/protocol.ts';
import { describePage, sizeOf } from '../../vmcore-viewer/webview/describe.ts';
import { Exchanges } from '../../vmcore-viewer/webview/exchanges.ts';
import { parsePlace } from '../../vmcore-viewer/webview/goTo.ts';
import { Pages } from '../../vmcore-viewer/webview/pages.ts';

const COUNT = 200;
const bytes = fc.uint8Array({ minLength: COUNT, maxLength: COUNT, max: 3 });

function model(more: Partial<PageMapModel> = {}): PageMapModel {
  const kinds = ['free', 'used', 'bad'].map((name) => ({ id: name, name, description: '', color: '' }));
  return {
    title: 'Memory',
    pageCount: COUNT,
    pageSize: 4096,
    layers: [
      { id: 'what', name: 'What a page is', classes: kinds, bytes: new Uint8Array(COUNT) },
      {
        id: 'audit',
        name: 'Audit',
        classes: kinds.map((one) => ({ ...one, prominent: one.id === 'bad' })),
        bytes: new Uint8Array(COUNT).fill(1),
      },
    ],
    owners: {
      kinds: ['nobody', 'A'].map((name) => ({ id: name, name, description: '', mark: 'plain' })),
      bytes: new Uint8Array(COUNT),
    },
    regions: [{ name: 'Control page', first: 60, count: 1 }],
    exchanges: Uint32Array.from([10, 100, 11, 101, 12, 12, 100, 13]),
    progress: { done: 1, isReturn: false },
    ...more,
  };
}

describe('runs of changed pages', () => {
  it('make the one state of the other', () => {
    fc.assert(
      fc.property(bytes, bytes, (before, after) => {
        const got = before.slice();
        for (const run of unpackRuns(packRuns(changedRuns(before, after)))) got.set(run.bytes, run.first);
        assert.deepEqual(got, after);
      }),
    );
  });

  it('are few and hold what changed', () => {
    const before = new Uint8Array(100);
    const after = before.slice();
    after[3] = after[5] = after[50] = 1;
    assert.deepEqual(
      changedRuns(before, after).map(({ first, bytes }) => [first, bytes.length]),
      [
        [3, 3],
        [50, 1],
      ],
    );
    assert.deepEqual(changedRuns(after, after), []);
  });
});

describe('pages of the page map', () => {
  it('count by class and by owner through all changes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(bytes, fc.constantFrom('what', 'audit', OWNER_CHANNEL)), { maxLength: 5 }),
        (all) => {
          const pages = new Pages(model());
          const state: Record<string, Uint8Array> = {
            what: new Uint8Array(COUNT),
            audit: new Uint8Array(COUNT).fill(1),
            [OWNER_CHANNEL]: new Uint8Array(COUNT),
          };
          for (const [after, channel] of all) {
            const runs = packRuns(changedRuns(state[channel]!, after));
            pages.apply({ type: 'pages', channel, runs });
            state[channel] = after.slice();
          }
          for (const layer of ['what', 'audit']) {
            pages.show(layer);
            for (const byte of [0, 1, 2, 3]) {
              assert.equal(pages.classCounts[byte], state[layer]!.filter((one) => one === byte).length);
              assert.equal(pages.ownerCounts[byte], state[OWNER_CHANNEL]!.filter((one) => one === byte).length);
            }
          }
        },
      ),
    );
  });

  it('take no harm from runs beyond the end', () => {
    const pages = new Pages(model());
    for (const first of [COUNT - 2, COUNT, COUNT + 1000]) {
      const runs = packRuns([{ first, bytes: Uint8Array.of(1, 1, 1, 1) }]);
      pages.apply({ type: 'pages', channel: 'what', runs });
    }
    assert.deepEqual([...pages.classCounts.subarray(0, 2)], [COUNT - 2, 2]);
  });

  it('show layers that come and go', () => {
    const pages = new Pages(model());
    const layer = { id: 'more', name: 'More', classes: [], bytes: new Uint8Array(COUNT) };
    assert.equal(pages.apply({ type: 'layer', layer }), 'layers');
    assert.equal(pages.layer.id, 'what');
    pages.apply({ type: 'layer', layer, show: true });
    assert.equal(pages.layer.id, 'more');
    pages.apply({ type: 'removeLayer', id: 'more' });
    assert.equal(pages.layer.id, 'what');
  });

  it('point at the few that matter', () => {
    const pages = new Pages(model());
    pages.show('audit');
    assert.deepEqual(pages.fewProminent, []);
    pages.apply({ type: 'pages', channel: 'audit', runs: packRuns([{ first: 77, bytes: Uint8Array.of(2) }]) });
    assert.deepEqual(pages.fewProminent, [77]);
    assert.equal(pages.nextAlike(0, 1, 2), 77);
    assert.equal(pages.nextAlike(77, -1), 77);
    assert.equal(pages.nextAlike(0, -1), 199);
  });

  it('are found by number, address and region', () => {
    const pages = new Pages(model());
    assert.equal(parsePlace('17', pages), 17);
    assert.equal(parsePlace(' pfn 0x11', pages), 17);
    assert.equal(parsePlace('0x11fff', pages), 17);
    assert.equal(parsePlace('control PAGE', pages), 60);
    assert.equal(parsePlace('4096', pages), 'outside');
    assert.equal(parsePlace('0xc1000000', pages), 'unknown');
    assert.equal(parsePlace('init_task', pages), 'unknown');
  });

  it('are told in words', () => {
    const pages = new Pages(model());
    assert.deepEqual(describePage(pages, 60), [
      'Page frame 0x3c, physical 0x0003c000',
      'free, nobody',
      'In: Control page',
    ]);
    assert.match(describePage(pages, 10).join(), /Destination: exchanged with source 0x64/);
    assert.match(describePage(pages, 101).join(), /Source: to be exchanged with destination 0xb/);
    assert.match(describePage(pages, 12).join(), /stays where it is/);
    assert.deepEqual([4096, 1 << 20, 1.5 * 2 ** 30, 512].map(sizeOf), ['4 KiB', '1 MiB', '1.5 GiB', '512 bytes']);
  });
});

describe('exchanges of the page map', () => {
  it('are found by each of their pages, in their order', () => {
    const pairs = fc.array(fc.tuple(fc.nat(COUNT + 20), fc.nat(COUNT + 20)), { maxLength: 60 });
    fc.assert(
      fc.property(pairs, fc.nat(COUNT - 1), (all, pfn) => {
        const exchanges = new Exchanges(Uint32Array.from(all.flat()));
        const expected = all.flatMap((pair, number) => (pair.includes(pfn) ? [number] : []));
        assert.deepEqual(
          exchanges.of(pfn).map(({ number }) => number),
          expected,
        );
      }),
    );
  });

  it('mark the pages of those that are done', () => {
    const pages = new Pages(model());
    const marked = (): number[] => [...pages.isExchanged.keys()].filter((pfn) => pages.isExchanged[pfn]);
    assert.deepEqual(marked(), [10, 100]);
    assert.equal(pages.apply({ type: 'progress', progress: { done: 3, isReturn: false } }), 'marks');
    assert.deepEqual(marked(), [10, 11, 12, 100, 101]);
    // On the way back the first ones are in place again.
    pages.apply({ type: 'progress', progress: { done: 3, copies: 2, isReturn: true } });
    assert.deepEqual([marked(), pages.exchangedCount], [[13, 100], 1]);
    pages.apply({ type: 'exchanges', exchanges: new Uint32Array(), progress: { done: 9, isReturn: false } });
    assert.deepEqual([marked(), pages.progress.done], [[], 0]);
  });
});
