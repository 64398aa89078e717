/** Links in the documents of an image: addresses and page frames, but not what bytes of memory look like. */
import assert from 'node:assert/strict';
import { linksIn } from '../../extension/imageLinks.ts';
import type { DocumentName } from '../../extension/imagePages.ts';

/** The text of each link, and the page it leads to. */
function links(name: DocumentName, ...lines: string[]): [string, number][] {
  return linksIn(name, lines.join('\n')).map(({ line, start, end, pfn }) => [lines[line]!.slice(start, end), pfn]);
}

describe('the links of documents about an image', () => {
  it('lead from a match to its page, and to the one it goes on in', () => {
    assert.deepEqual(
      links(
        'search',
        'Search for the text physical 0x1000',
        '1 match in 1 page.',
        '',
        '  physical  virtual     class  of     symbol              bytes from there on  text from 16 bytes before',
        '  0x397e140 0xc1277140  slab   kernel goes on at 0x5000,  70 68 79 73          physical 0x9000',
      ),
      [
        ['0x397e140', 0x397e],
        ['0x5000', 5],
      ],
    );
  });

  it('lead from the way to a page, not from its bytes', () => {
    assert.deepEqual(
      links(
        'page',
        'Virtual 0xc1277140',
        'Level 2: entry 772 of the table at 0x13e4000 is 0x13f0063',
        'The jump has moved that page: what was there is at physical 0x397e140',
        'Physical 0x397e140, page frame 0x397e',
        '',
        ' 0x397e000  70 66 6e 20  pfn 0x12, physical 0x9000',
      ),
      [
        ['0x13e4000', 0x13e4],
        ['0x397e140', 0x397e],
        ['0x397e140', 0x397e],
        ['0x397e', 0x397e],
      ],
    );
  });

  it('lead from regions and holes, not from their lengths and offsets', () => {
    assert.deepEqual(
      links(
        'regions',
        'ELF32 core',
        '  phys_base: 0x1000000',
        '',
        '  region     first     last       bytes  in the file  file offset  virtual     remark',
        '  PT_LOAD 0  0x1000    0x9fbff    654336 all          0x1000       0xc0001000',
        '',
        'Holes',
        '  0x0 – 0xfff, 4096 bytes',
      ),
      [
        ['0x1000', 1],
        ['0x9fbff', 0x9f],
        ['0x0', 0],
        ['0xfff', 0],
      ],
    );
  });

  it('lead from a comparison and from the rules of a resume; a log has none', () => {
    const line = "  pfn 0x397e, the kernel's 0x1277  1 page  kernelData";
    assert.deepEqual(links('comparison', line), [['0x397e', 0x397e]]);
    const rule = '3. BROKEN   Control page: physical 0x1000 is not in the image';
    assert.deepEqual(links('resumability', rule), [['0x1000', 1]]);
    assert.deepEqual(links('log', 'pfn 0x397e'), []);
  });
});
