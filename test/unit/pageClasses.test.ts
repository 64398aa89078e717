import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MemoryError } from '../../vmcore-viewer/core/errors.ts';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import { PAGE_CLASS, PAGE_CLASSES, type PageClassName } from '../../vmcore-viewer/core/pageClassNames.ts';
import { classifyPages, countClasses } from '../../vmcore-viewer/core/pageClasses.ts';
import { describePage } from '../../vmcore-viewer/core/pageDescription.ts';
import { PAGE_FLAGS_OF_LINUX_6_1 } from '../../vmcore-viewer/core/pageFlags.ts';
import { pageRows } from '../../vmcore-viewer/core/pageRows.ts';
import type { PageKnowledge } from '../../vmcore-viewer/core/pageRules.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import type { Task } from '../../vmcore-viewer/core/tasks.ts';
import { CONTENT_ABSENT, CONTENT_OTHER, CONTENT_ZERO, findZeroPages } from '../../vmcore-viewer/core/zeroPages.ts';
import {
  BUDDY,
  KEYS,
  MEM_MAP,
  OFFLINE,
  PAGE_OFFSET,
  PAGE_TABLE,
  PG,
  PG_HEAD,
  PG_HWPOISON,
  PG_SWAPBACKED,
  SyntheticKernel,
  type StructPage,
} from './syntheticKernel.ts';

const KNOWLEDGE: PageKnowledge = { table: PAGE_FLAGS_OF_LINUX_6_1 };
const HUGETLB = 2;

describe('classes of pages', () => {
  const names = (kernel: SyntheticKernel, knowledge = KNOWLEDGE): PageClassName[] => {
    const { classes } = classifyPages(new StructPages(kernel, kernel.info()), knowledge);
    return [...classes].map((found) => PAGE_CLASSES[found]!.name);
  };

  const cases: [PageClassName, StructPage][] = [
    ['free', { mapcount: BUDDY, private: 0 }],
    ['other', { mapcount: BUDDY, private: 11 }],
    ['slab', { mapcount: BUDDY, flags: PG.slab }],
    ['cache', { flags: PG.lru, mapping: 0xc1800000 }],
    ['cache', { flags: PG.swapcache | PG_SWAPBACKED }],
    ['other', { flags: PG.swapcache }],
    ['cachePrivate', { flags: PG.lru | PG.private }],
    ['user', { flags: PG.lru | PG_SWAPBACKED, mapping: 0xc1800001, mapcount: 0 }],
    ['user', { flags: PG.lru | PG.private, mapping: 1 }],
    ['hwpoison', { flags: PG_HWPOISON }],
    ['offline', { mapcount: OFFLINE }],
    ['slab', { flags: PG.slab }],
    ['pageTable', { mapcount: PAGE_TABLE }],
    ['reserved', { flags: PG.reserved }],
    ['other', {}],
  ];
  for (const [name, fields] of cases) {
    it(`says ${name} of ${JSON.stringify(fields)}`, () => {
      const kernel = new SyntheticKernel(8);
      kernel.set(3, fields);
      assert.equal(names(kernel)[3], name);
    });
  }

  it('gives all pages of a free block or a compound page the class of its first', () => {
    const kernel = new SyntheticKernel(64);
    kernel.set(8, { mapcount: BUDDY, private: 3 });
    kernel.set(10, { flags: PG.lru });
    kernel.compound(16, 2, { flags: PG.lru, mapping: 1 });
    kernel.compound(20, 2, { flags: PG.slab });
    kernel.compound(24, 3, {}, HUGETLB);
    kernel.compound(32, 1, {});
    kernel.compound(36, 3, { flags: PG.lru });
    const found = names(kernel);
    const from = (pfn: number, end: number): PageClassName[] => [...new Set(found.slice(pfn, end))];
    assert.deepEqual(from(8, 16), ['free']);
    assert.deepEqual(from(16, 20), ['user']);
    assert.deepEqual(from(20, 24), ['slab']);
    assert.deepEqual(from(24, 32), ['user']);
    assert.deepEqual(from(32, 34), ['compound']);
    assert.deepEqual(from(34, 36), ['other']);
    // A compound page begins at a multiple of its size: this one's order cannot be true.
    assert.equal(found[36], 'cache');
    assert.deepEqual(from(37, 44), ['compound']);
  });

  it("tells the kernel's own image, but not what it has given back of it", () => {
    const kernel = new SyntheticKernel(16);
    for (const pfn of [4, 5, 6, 7, 8]) kernel.set(pfn, { flags: PG.reserved });
    kernel.set(7, { flags: 0, mapcount: BUDDY, private: 0 });
    const at = (page: number): bigint => BigInt(PAGE_OFFSET + page * PAGE_SIZE);
    const image = { _text: at(4), _etext: at(6) - 100n, _end: at(8) };
    const found = names(kernel, { ...KNOWLEDGE, image });
    assert.deepEqual(found.slice(4, 9), ['kernelText', 'kernelText', 'kernelData', 'free', 'reserved']);
  });

  it('tells the stacks of tasks, but nothing that is more than in use', () => {
    const kernel = new SyntheticKernel(16);
    kernel.set(9, { flags: PG.slab });
    kernel.set(10, { mapcount: BUDDY, private: 0 });
    const task = { name: 'agent\n', isKernels: false, pid: 57 } as Task;
    const stacks = new Map([8, 9, 10].map((pfn) => [pfn, task]));
    const knowledge = { ...KNOWLEDGE, stacks };
    assert.deepEqual(names(kernel, knowledge).slice(7, 11), ['other', 'kernelStack', 'slab', 'free']);
    const pages = new StructPages(kernel, kernel.info());
    const { classes } = classifyPages(pages, knowledge);
    const rowsOf = (pfn: number): string[] =>
      pageRows(describePage(pages, classes, pfn, knowledge)).map(({ label, value }) => `${label}: ${value}`);
    assert.ok(rowsOf(8).includes('Stack of: agent?, PID 57'), rowsOf(8).join('\n'));
    assert.deepEqual(
      rowsOf(9).filter((row) => row.startsWith('Stack')),
      [],
    );
  });

  it('is as makedumpfile decides, whatever the struct pages say', () => {
    const pages = 64;
    const word = fc.oneof(fc.nat(12), fc.constantFrom(-1, BUDDY, OFFLINE, PAGE_TABLE));
    const flag = fc.constantFrom(0, ...Object.values(PG), PG_HEAD, PG_HWPOISON, PG_SWAPBACKED);
    const flags = fc.tuple(flag, flag, flag).map(([one, two, three]) => one | two | three);
    const fields = fc.record({
      ...{ pfn: fc.nat(pages - 1), flags, mapcount: word, private: word, mapping: fc.nat(1) },
      ...{ head: fc.nat(1), order: fc.integer({ min: 0, max: 33 }), destructor: fc.nat(3) },
    });
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 60 }), (changes) => {
        const kernel = new SyntheticKernel(pages);
        for (const { pfn, ...change } of changes) kernel.set(pfn, change);
        const known: PageClassName[] = ['free', 'cache', 'cachePrivate', 'user', 'hwpoison', 'offline'];
        const found = names(kernel).map((name) => (known.includes(name) ? name : undefined));
        assert.deepEqual(found, excludedByMakedumpfile(kernel));
      }),
      { numRuns: 500 },
    );
  });

  it('says which classes cannot be told, and why', () => {
    const kernel = new SyntheticKernel(8);
    const changes = { 'NUMBER(PG_lru)': undefined, 'OFFSET(page.private)': undefined };
    const { undecided } = classifyPages(new StructPages(kernel, kernel.info(changes)));
    assert.deepEqual(
      undecided.map(({ class: name, missing }) => `${name}: ${missing.join(', ')}`),
      [
        'free: OFFSET(page.private)',
        'cache: NUMBER(PG_lru)',
        'cachePrivate: NUMBER(PG_lru)',
        'pageTable: NUMBER(PAGE_TABLE_MAPCOUNT_VALUE)',
        'kernelText: addresses of _text, _etext and _end',
        'kernelData: addresses of _text, _etext and _end',
        'reserved: NUMBER(PG_reserved)',
        'kernelStack: the list of tasks and the size of a stack',
      ],
    );
  });

  it("refuses another kernel's page flags", () => {
    const kernel = new SyntheticKernel(8);
    const pages = new StructPages(kernel, kernel.info({ 'NUMBER(PG_lru)': '5' }));
    assert.throws(
      () => classifyPages(pages, KNOWLEDGE),
      /The page flags of Linux 6\.1 are not those of this kernel: its VMCOREINFO says PG_lru is 5, not 4/,
    );
  });

  it('loses no more than what is not in the image', () => {
    const kernel = new SyntheticKernel(1024);
    kernel.holes.add(MEM_MAP / PAGE_SIZE + 2);
    const pages = new StructPages(kernel, kernel.info());
    const { classes } = classifyPages(pages, KNOWLEDGE);
    const counts = countClasses(classes);
    assert.deepEqual([counts.unreadable, counts.other], [128, 1024 - 128]);
    assert.deepEqual([classes.indexOf(PAGE_CLASS.unreadable), classes.lastIndexOf(PAGE_CLASS.unreadable)], [256, 383]);
    assert.deepEqual(describePage(pages, classes, 300), {
      pfn: 300,
      class: 'unreadable',
      why: 'Its struct page is not mapped, or not in the image.',
    });
  });

  it('works without the page tables, by the offset of low memory', () => {
    const kernel = new SyntheticKernel(16);
    kernel.set(3, { mapcount: BUDDY, private: 0 });
    kernel.holes.add(1);
    assert.equal(names(kernel)[3], 'free');
  });

  it('works through the overlay', () => {
    const kernel = new SyntheticKernel(200);
    kernel.set(3, { mapcount: BUDDY, private: 0 });
    kernel.set(150, { flags: PG.lru });
    const expected = names(kernel);
    const [destination, source] = [MEM_MAP, MEM_MAP + PAGE_SIZE];
    const swapped = Buffer.from(kernel.bytes.subarray(destination, source));
    kernel.bytes.copyWithin(destination, source, source + PAGE_SIZE);
    swapped.copy(kernel.bytes, source);
    const overlay = new Overlay(kernel, [{ exchanges: [{ destination, source, entryAddress: 0 }] }]);
    const { classes } = classifyPages(new StructPages(overlay, kernel.info()), KNOWLEDGE);
    assert.deepEqual(
      [...classes].map((found) => PAGE_CLASSES[found]!.name),
      expected,
    );
  });

  const refusals: [string, Record<string, string | undefined>, RegExp][] = [
    ['missing keys', { 'SYMBOL(mem_map)': undefined, 'SIZE(page)': undefined }, /does not tell SIZE\(page\)/],
    ['a size of nothing', { 'SIZE(page)': '0' }, /SIZE\(page\)=0, but struct page has whole words/],
    ['a field outside', { 'OFFSET(page.flags)': '32' }, /OFFSET\(page\.flags\)=32, but struct page has 32 bytes/],
    ['other pages', { PAGESIZE: '0' }, /PAGESIZE=0, but pages have 4096 bytes/],
    ['too many orders', { 'LENGTH(zone.free_area)': '64' }, /LENGTH\(zone\.free_area\)=64/],
    ['another memory', { OSRELEASE: '6.1.1' }, /The memory of Linux 6\.1\.1 is not where its VMCOREINFO says.*overlay/],
    ['SPARSEMEM, halfway', { 'SYMBOL(mem_section)': 'c1000000' }, /does not tell LENGTH\(mem_section\)/],
    ['x86_64, halfway', { 'SYMBOL(swapper_pg_dir)': 'ffffffff82a10000' }, /does not tell NUMBER\(phys_base\)/],
  ];
  for (const [what, changes, sentence] of refusals) {
    it(`says it in a sentence: ${what}`, () => {
      const kernel = new SyntheticKernel(8);
      assert.throws(() => new StructPages(kernel, kernel.info(changes)), sentence);
    });
  }

  it('ends with classes or a sentence, whatever VMCOREINFO and memory say', () => {
    const value = fc.oneof(
      fc.integer({ min: -5, max: 40 }).map(String),
      fc.constantFrom(undefined, 'ffffffff', '4294967295', '9007199254740991', ''),
      fc.constantFrom('c0001000', 'c0002000', 'c0010000'),
    );
    const changes = fc.dictionary(fc.constantFrom(...Object.keys(KEYS)), value, { maxKeys: 3 });
    const noise = fc.array(fc.tuple(fc.nat(), fc.integer()), { maxLength: 20 });
    fc.assert(
      fc.property(changes, noise, (changed, words) => {
        const kernel = new SyntheticKernel(128);
        for (const [at, word] of words) kernel.bytes.writeInt32LE(word, (at * 4) % (kernel.size - 3));
        try {
          const pages = new StructPages(kernel, kernel.info(changed));
          const { classes } = classifyPages(pages);
          for (let pfn = 0; pfn < Math.min(classes.length, 128); pfn++) describePage(pages, classes, pfn);
        } catch (error) {
          assert.ok(error instanceof MemoryError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the description of a page', () => {
  it('names flags and fields', () => {
    const kernel = new SyntheticKernel(16);
    kernel.set(5, { flags: (1 << 30) | PG.lru | PG.private, mapping: 0xc1800000, private: 7, refcount: 2 });
    const pages = new StructPages(kernel, kernel.info());
    const { classes } = classifyPages(pages, KNOWLEDGE);
    assert.deepEqual(describePage(pages, classes, 5, KNOWLEDGE), {
      pfn: 5,
      class: 'cachePrivate',
      why: 'It is on an LRU list or in the swap cache, not anonymous (bit 0 of mapping), and PG_private.',
      address: BigInt(kernel.structPage(5)),
      flags: BigInt((1 << 30) | PG.lru | PG.private),
      flagNames: ['PG_lru', 'PG_private'],
      unnamedFlags: 1n << 30n,
      refcount: 2,
      mapcount: -1,
      mapping: 0xc1800000n,
      private: 7n,
      lru: { next: 0n, prev: 0n },
    });
  });

  it('says to which block or compound page it belongs', () => {
    const kernel = new SyntheticKernel(64);
    kernel.set(8, { mapcount: BUDDY, private: 3 });
    kernel.compound(16, 2, { flags: PG.slab });
    const pages = new StructPages(kernel, kernel.info());
    const { classes } = classifyPages(pages, KNOWLEDGE);
    assert.match(
      describePage(pages, classes, 13).why,
      /^It is one of 8 pages from pfn 0x8 on\. There: page_type says PG_buddy/,
    );
    const tail = describePage(pages, classes, 18);
    assert.match(tail.why, /^It is one of 4 pages from pfn 0x10 on\. There: PG_slab/);
    assert.equal(tail.head, 16);
    assert.equal(describePage(pages, classes, 64).class, 'absent');
  });
});

describe('zero pages', () => {
  it('are told by their content', () => {
    const kernel = new SyntheticKernel(8);
    kernel.bytes[5 * PAGE_SIZE + 4000] = 1;
    kernel.holes.add(6);
    const contents = [...findZeroPages(kernel)].slice(4, 8);
    assert.deepEqual(contents, [CONTENT_ZERO, CONTENT_OTHER, CONTENT_ABSENT, CONTENT_ZERO]);
  });
});

/**
 * What makedumpfile leaves out at dump level 30, word for word, for comparison.
 * Source: makedumpfile.c, __exclude_unnecessary_pages() and what it calls.
 */
function excludedByMakedumpfile(kernel: SyntheticKernel): (PageClassName | undefined)[] {
  const excluded = new Array<PageClassName | undefined>(kernel.pages).fill(undefined);
  const page = (pfn: number, at: number): number => kernel.bytes.readInt32LE(MEM_MAP + pfn * 32 + at);
  for (let pfn = 0; pfn < kernel.pages; pfn++) {
    const [flags, mapping, private_, mapcount] = [page(pfn, 0), page(pfn, 12), page(pfn, 20), page(pfn, 24)];
    let [order, destructor] = [0, 0];
    if (flags & PG_HEAD && pfn + 1 < kernel.pages) {
      order = kernel.bytes[MEM_MAP + (pfn + 1) * 32 + 9]!;
      destructor = kernel.bytes[MEM_MAP + (pfn + 1) * 32 + 8]!;
      if (order >= 32 || pfn % 2 ** order !== 0) order = 0;
    }
    const isAnonymous = mapping & 1 && !(flags & PG.slab);
    let count = 2 ** order;
    const isCache = flags & PG.lru || (flags & PG_SWAPBACKED && flags & PG.swapcache);
    let name: PageClassName;
    if (page(pfn, 4) & 1) continue;
    if (!(flags & PG.slab) && mapcount === BUDDY) {
      if (private_ >>> 0 >= 11) continue;
      count = 2 ** private_;
      name = 'free';
    } else if (isCache && !(flags & PG.private) && !isAnonymous) name = 'cache';
    else if (isCache && !isAnonymous) name = 'cachePrivate';
    else if (isAnonymous || destructor === HUGETLB) name = 'user';
    else if (flags & PG_HWPOISON) name = 'hwpoison';
    else if (!(flags & PG.slab) && mapcount === OFFLINE) name = 'offline';
    else continue;
    excluded.fill(name, pfn, Math.min(pfn + count, kernel.pages));
    pfn += count - 1;
  }
  return excluded;
}
