import assert from 'node:assert/strict';
import type { ExchangeBody } from '../../debug-adapter/protocol.ts';
import { exchangeIn, linksIn, textOf } from '../../extension/exchangeText.ts';

const page = (name: string, pfn: number, text: string): ExchangeBody['pages'][number] => ({
  ...{ name, pfn, holds: "kernel A's page", bytes: Buffer.alloc(4096, text).toString('base64') },
});
const BODY: ExchangeBody = {
  ...{ number: 7, count: 8192, copiesDone: 1, entryAddress: 0x1234008 },
  pages: [page('Source', 0x3000, 'S'), page('Destination', 0x2007, 'D'), page('Swap page', 0x12345, '0x1')],
};

describe('the text of an exchange', () => {
  it('says which it is, how far it is, and what the pages hold side by side', () => {
    const lines = textOf(BODY).split('\n');
    assert.equal(lines[0], 'Exchange 7 of 8192, by the entry at 0x01234008 of the page list');
    assert.equal(lines[1], '1 of 3 copies are done; next: destination to source.');
    assert.match(lines[8]!, /^000 {2}53 53 .*SSSSSSSS {2}44 44 .*DDDDDDDD {2}30 78 31 30 78 31 30 78 {2}0x10x10x$/);
    assert.equal(lines.length, 8 + 4096 / 8 + 1);
    assert.deepEqual(exchangeIn(lines.join('\n')), { number: 7, count: 8192 });
  });

  it('has links to its pages and to its entry, exactly where they are named', () => {
    const text = textOf(BODY);
    const lines = text.split('\n');
    assert.deepEqual(
      linksIn(text).map(({ line, start, end, to }) => [lines[line]!.slice(start, end), to]),
      [
        ['0x01234008', { exchange: 7 }],
        ['0x03000', { pfn: 0x3000 }],
        ['0x02007', { pfn: 0x2007 }],
        ['0x12345', { pfn: 0x12345 }],
      ],
    );
  });

  it('has no links where there is no exchange, or no swap page yet', () => {
    assert.deepEqual(linksIn('Looking at an exchange is not possible now: page frame 0x12.\n'), []);
    const [source, destination] = BODY.pages;
    assert.equal(linksIn(textOf({ ...BODY, pages: [source!, destination!] })).length, 3);
  });
});
