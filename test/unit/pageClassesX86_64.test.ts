import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MemoryError } from '../../vmcore-viewer/core/errors.ts';
import { PAGE_CLASSES, type PageClassName } from '../../vmcore-viewer/core/pageClassNames.ts';
import { classifyPages } from '../../vmcore-viewer/core/pageClasses.ts';
import { describePage } from '../../vmcore-viewer/core/pageDescription.ts';
import { PAGE_FLAGS_OF_LINUX_6_12, pageFlagsOf } from '../../vmcore-viewer/core/pageFlags.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import {
  KERNEL_MAP,
  KEYS,
  PAGES_PER_SECTION,
  PG,
  STRUCT_PAGE,
  SyntheticKernel64,
  TYPE,
  type StructPage64,
} from './syntheticKernel64.ts';

const KNOWLEDGE = { table: PAGE_FLAGS_OF_LINUX_6_12 };
const SECTION_BYTES = PAGES_PER_SECTION * STRUCT_PAGE;

function names(kernel: SyntheticKernel64): PageClassName[] {
  const { classes } = classifyPages(new StructPages(kernel, kernel.info()), KNOWLEDGE);
  return [...classes].map((found) => PAGE_CLASSES[found]!.name);
}

describe('the memory of an x86_64 kernel', () => {
  for (const [levels, hasFive] of [
    ['four', false],
    ['five', true],
  ] as const) {
    it(`is read through ${levels} levels of page tables`, () => {
      const kernel = new SyntheticKernel64([0], hasFive);
      const { kernel: memory } = new StructPages(kernel, kernel.info());
      assert.equal(memory.wordSize, 8);
      assert.equal(memory.pageOffset, kernel.pageOffset);
      assert.equal(memory.imageOffset, KERNEL_MAP + 0x10000n);
      // By 4 KiB pages of the image, and by 2 MiB of the direct mapping.
      for (const page of [9, 20, 40]) {
        kernel.bytes.writeUInt32LE(page, page * PAGE_SIZE + 8);
        assert.equal(memory.read(memory.imageOffset + BigInt(page * PAGE_SIZE + 8), 4)?.readUInt32LE(0), page);
        assert.equal(memory.read(kernel.pageOffset + BigInt(page * PAGE_SIZE + 8), 4)?.readUInt32LE(0), page);
      }
      const nowhere = [0n, 0x1000n, -1n, 1n << 64n, kernel.pageOffset - 1n, kernel.vmemmap + BigInt(SECTION_BYTES)];
      for (const address of nowhere) assert.equal(memory.read(address, 8), undefined, address.toString(16));
      assert.equal(memory.read(memory.imageOffset + BigInt(kernel.size) - 4n, 8), undefined);
    });
  }

  it('has no known page offset where the direct mapping is not in the image', () => {
    const kernel = new SyntheticKernel64([0]);
    kernel.bytes.fill(0, 7 * PAGE_SIZE, 7 * PAGE_SIZE + 8);
    // The sections' page is reached through the direct mapping: so it is moved into the image.
    kernel.bytes.writeBigUInt64LE(KERNEL_MAP + 0x10000n + 21n * 0x1000n, 20 * PAGE_SIZE + 0x800);
    assert.equal(new StructPages(kernel, kernel.info()).kernel.pageOffset, undefined);
  });
});

describe('SPARSEMEM', () => {
  it('is one run for each stretch of sections whose struct pages lie one behind the other', () => {
    const kernel = new SyntheticKernel64([0, 1, 4, 5, 6]);
    const { maps } = new StructPages(kernel, kernel.info());
    assert.deepEqual(maps, [
      { firstPfn: 0, endPfn: 2 * PAGES_PER_SECTION, address: kernel.vmemmap },
      { firstPfn: 4 * PAGES_PER_SECTION, endPfn: 7 * PAGES_PER_SECTION, address: kernel.structPage(1024) },
    ]);
    const found = names(kernel);
    assert.equal(found.length, 7 * PAGES_PER_SECTION);
    const classes = (section: number): PageClassName[] => [
      ...new Set(found.slice(section * PAGES_PER_SECTION, (section + 1) * PAGES_PER_SECTION)),
    ];
    assert.deepEqual([0, 1, 2, 3, 4, 6].map(classes).flat(), ['other', 'other', 'absent', 'absent', 'other', 'other']);
  });

  it('finds struct pages that are elsewhere for each section, too', () => {
    const kernel = new SyntheticKernel64([0, 1]);
    // Section 1 has its struct pages where the direct mapping shows them, as without VMEMMAP.
    const elsewhere = kernel.pageOffset + BigInt(32 * PAGE_SIZE + SECTION_BYTES);
    kernel.setSection(1, elsewhere - BigInt(SECTION_BYTES) + 3n);
    kernel.set(300, { mapcount: TYPE.buddy, private: 2 });
    const pages = new StructPages(kernel, kernel.info());
    assert.deepEqual(
      pages.maps.map(({ firstPfn, address }) => [firstPfn, address]),
      [
        [0, kernel.vmemmap],
        [PAGES_PER_SECTION, elsewhere],
      ],
    );
    assert.deepEqual(names(kernel).slice(299, 305), ['other', 'free', 'free', 'free', 'free', 'other']);
    assert.equal(pages.pfnAt(pages.address(300)!), 300);
  });

  it('can be one array of all sections', () => {
    const kernel = new SyntheticKernel64([0, 1]);
    const array = (KERNEL_MAP + 0x10000n + 21n * 0x1000n).toString(16);
    const info = kernel.info({
      ...{ 'SYMBOL(mem_section)': array, 'LENGTH(mem_section)': '16', 'NUMBER(MAX_PHYSMEM_BITS)': '24' },
    });
    assert.equal(new StructPages(kernel, info).endPfn, 2 * PAGES_PER_SECTION);
  });

  const refusals: [string, Record<string, string>, RegExp][] = [
    [
      'a length that fits nothing',
      { 'LENGTH(mem_section)': '9' },
      /LENGTH\(mem_section\)=9, but there are 1024 sections/,
    ],
    ['a size of nothing', { 'SIZE(mem_section)': '0' }, /SIZE\(mem_section\)=0, but section_mem_map is at 0/],
    ['a field outside', { 'OFFSET(mem_section.section_mem_map)': '28' }, /section_mem_map is at 28/],
    ['sections of nothing', { 'NUMBER(SECTION_SIZE_BITS)': '0' }, /SECTION_SIZE_BITS\)=0, but it is not between/],
    ['sections beyond memory', { 'NUMBER(MAX_PHYSMEM_BITS)': '19' }, /MAX_PHYSMEM_BITS\)=19, but it is not between 20/],
    ['roots that are nowhere', { 'SYMBOL(mem_section)': 'ffffffff00000000' }, /its 64 bytes are not in memory/],
    ['another memory', { OSRELEASE: '6.12.1' }, /The memory of Linux 6\.12\.1 is not where its VMCOREINFO says/],
  ];
  for (const [what, changes, sentence] of refusals) {
    it(`says it in a sentence: ${what}`, () => {
      const kernel = new SyntheticKernel64([0]);
      assert.throws(() => new StructPages(kernel, kernel.info(changes)), sentence);
    });
  }

  it('does not believe in a section beyond 4 TiB', () => {
    const kernel = new SyntheticKernel64([0]);
    const info = kernel.info({
      ...{ 'NUMBER(SECTION_SIZE_BITS)': '36', 'NUMBER(MAX_PHYSMEM_BITS)': '46' },
    });
    kernel.setSection(100, kernel.vmemmap | 3n);
    assert.throws(() => new StructPages(kernel, info), /mem_section at virtual 0x[0-9a-f]+ cannot be used: it has pfn/);
  });

  it('ends with classes or a sentence, whatever VMCOREINFO and memory say', () => {
    const value = fc.oneof(
      fc.integer({ min: -5, max: 70 }).map(String),
      fc.constantFrom(undefined, 'ffffffff', 'ffffffffffffffff', '18446744073709551615', '9007199254740991', ''),
    );
    const changes = fc.dictionary(fc.constantFrom(...Object.keys(KEYS)), value, { maxKeys: 3 });
    const noise = fc.array(fc.tuple(fc.nat(), fc.integer()), { maxLength: 20 });
    fc.assert(
      fc.property(fc.boolean(), changes, noise, (hasFive, changed, words) => {
        const kernel = new SyntheticKernel64([0, 2], hasFive);
        for (const [at, word] of words) kernel.bytes.writeInt32LE(word, (at * 4) % (kernel.size - 3));
        try {
          const pages = new StructPages(kernel, kernel.info(changed));
          const { classes } = classifyPages(pages);
          for (let pfn = 0; pfn < Math.min(classes.length, 64); pfn++) describePage(pages, classes, pfn);
        } catch (error) {
          assert.ok(error instanceof MemoryError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('classes of pages of Linux 6.12', () => {
  const cases: [PageClassName, StructPage64][] = [
    ['free', { mapcount: TYPE.buddy, private: 0 }],
    ['other', { mapcount: TYPE.buddy, private: 1n << 32n }],
    ['free', { mapcount: TYPE.unaccepted, private: 77 }],
    ['slab', { mapcount: TYPE.slab, mapping: 1 }],
    ['user', { flags: PG.lru | PG.waiters, mapping: 0xffff888000000001n, mapcount: 0 }],
    ['cache', { flags: PG.lru, mapping: 0xffff888000000000n }],
    ['cachePrivate', { flags: PG.lru | PG.private }],
    ['offline', { mapcount: TYPE.offline }],
    ['pageTable', { mapcount: TYPE.table }],
    ['reserved', { flags: PG.reserved }],
    // Flags in the high half are none of these.
    ['other', { flags: BigInt(PG.lru) << 32n, mapping: 1n << 32n, private: 5 }],
  ];
  for (const [name, fields] of cases) {
    it(`says ${name} of ${Object.entries(fields).map(String).join(' ')}`, () => {
      const kernel = new SyntheticKernel64([0]);
      kernel.set(3, fields);
      assert.equal(names(kernel)[3], name);
    });
  }

  it("takes a compound page's order from its first tail's flags, and huge pages by their type", () => {
    const kernel = new SyntheticKernel64([0]);
    kernel.compound(16, 4, { mapcount: TYPE.hugetlb });
    kernel.compound(32, 2, { mapcount: TYPE.slab });
    kernel.compound(40, 3, { flags: PG.lru, mapping: 1 });
    kernel.compound(64, 1, {});
    const found = names(kernel);
    const from = (pfn: number, end: number): PageClassName[] => [...new Set(found.slice(pfn, end))];
    assert.deepEqual([from(16, 32), from(32, 36), from(40, 48)].flat(), ['user', 'slab', 'user']);
    assert.deepEqual(from(64, 66), ['compound']);
  });

  it('describes a page with all 64 bits of its longs', () => {
    const kernel = new SyntheticKernel64([0]);
    const flags = (1n << 62n) | BigInt(PG.lru | PG.reserved);
    kernel.set(5, { flags, mapping: 0xffff888123456780n, private: 0xffffffffffffffffn, refcount: 2, head: 1n << 63n });
    kernel.compound(8, 1, {});
    const pages = new StructPages(kernel, kernel.info());
    const { classes } = classifyPages(pages, KNOWLEDGE);
    assert.deepEqual(describePage(pages, classes, 5, KNOWLEDGE), {
      pfn: 5,
      class: 'cache',
      why: 'It is on an LRU list or in the swap cache, and neither anonymous (bit 0 of mapping) nor PG_private.',
      address: kernel.structPage(5),
      flags,
      flagNames: ['PG_lru', 'PG_reserved'],
      unnamedFlags: 1n << 62n,
      refcount: 2,
      mapcount: -1,
      mapping: 0xffff888123456780n,
      private: 0xffffffffffffffffn,
      lru: { next: 1n << 63n, prev: 0n },
    });
    assert.equal(describePage(pages, classes, 9, KNOWLEDGE).head, 8);
  });

  it('knows which numbers are whose by the release', () => {
    assert.equal(pageFlagsOf('6.12.117+deb12-amd64')?.kernel, 'Linux 6.12');
    assert.equal(pageFlagsOf('6.1.0-56-amd64')?.kernel, 'Linux 6.1');
    for (const release of ['6.2.0', '6.120.1', '5.10.0-8-amd64', '', undefined])
      assert.equal(pageFlagsOf(release), undefined);
  });
});
