import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Exchanges } from '../../vmcore-viewer/webview/exchanges.ts';
import { ListRows, parseQuery } from '../../vmcore-viewer/webview/listRows.ts';
import { pageListOf, PAGE_SIZE } from '../webview/syntheticMemory.ts';

const rowsOf = (pairs: readonly number[]): ListRows => {
  const exchanges = Uint32Array.from(pairs);
  return new ListRows(pageListOf(exchanges, 0x500), new Exchanges(exchanges), PAGE_SIZE);
};
/** Destinations 0x2000, 0x2001, …, sources 0x3000, 0x3002, … */
const many = (count: number): ListRows =>
  rowsOf(Array.from({ length: count * 2 }, (_, at) => (at % 2 ? 0x3000 + at - 1 : 0x2000 + at / 2)));

describe('what a person looks for in the page list', () => {
  it('is an exchange, a page frame, or either of that and an address', () => {
    const expected: [string, unknown][] = [
      ['12', { exchange: 12 }],
      [' #12', { exchange: 12 }],
      ['Exchange 0xc', { exchange: 12 }],
      ['pfn 8192', { pfn: 8192 }],
      ['PFN 0x2000', { pfn: 0x2000 }],
      ['0x2000', { hex: 0x2000 }],
      ['', undefined],
      ['init_task', undefined],
      ['0xfffffffffffffffff', undefined],
    ];
    for (const [text, query] of expected) assert.deepEqual(parseQuery(text), query, text);
  });
});

describe('rows of the page list', () => {
  it('say what each word says, and which exchange it makes', () => {
    const rows = many(600);
    assert.deepEqual(
      [rows.at(0), rows.at(2)].map(({ kind, exchange, destination, source, page, address }) => [
        ...[kind?.name, exchange, destination, source, page, address],
      ]),
      [
        ['destination', undefined, undefined, undefined, 0x2000, 0x500000],
        ['source', 1, 0x2001, 0x3002, 0x3002, 0x500008],
      ],
    );
    assert.equal(rows.at(rows.count - 1).kind?.name, 'done');
    assert.equal(rows.rowOfExchange(600), undefined);
  });

  it('lead from each exchange to its row and back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(0xfffff), fc.nat(0xfffff)), { maxLength: 1500 }), (pairs) => {
        const rows = rowsOf(pairs.flat());
        pairs.forEach(([destination, source], number) => {
          const { exchange, ...row } = rows.at(rows.rowOfExchange(number)!);
          assert.deepEqual([exchange, row.destination, row.source, row.page], [number, destination, source, source]);
        });
      }),
    );
  });

  it('are found by page frame, by address of a page or of the entry, and by the word itself', () => {
    const rows = many(2000);
    const found = (text: string): (number | undefined)[] =>
      rows.find(parseQuery(text)!).map((row) => rows.at(row).exchange);
    assert.deepEqual(found('0x2001'), [1]);
    // The word that says where the sources go is about its page frame too.
    assert.deepEqual(found('pfn 0x2000'), [undefined, 0]);
    assert.deepEqual(found('0x2001abc'), [1]);
    assert.deepEqual(found('0x3002008'), [1]);
    assert.deepEqual(found('0x500008'), [1]);
    assert.deepEqual(found('0x501000'), [undefined, rows.at(1024).exchange]);
    assert.deepEqual(found('1999'), [1999]);
    assert.deepEqual([found('2000'), found('0x1'), found('pfn 0x77777')], [[], [], []]);
  });

  it('keep to what is there when list and exchanges are of two moments', () => {
    const exchanges = Uint32Array.from([0x2000, 0x3000, 0x2001, 0x3001]);
    const rows = new ListRows(pageListOf(exchanges, 0x500), new Exchanges(exchanges.subarray(0, 2)), PAGE_SIZE);
    assert.deepEqual(
      [rows.at(2).exchange, rows.at(2).kind?.name, rows.rowOfExchange(1)],
      [undefined, 'source', undefined],
    );
    assert.deepEqual(rows.find({ pfn: 0x3001 }), [2]);
  });
});
