/** The memory of a small x86_64 kernel made up for tests: page tables, sections, and struct pages as Linux 6.12 has them. */
import { PAGE_SIZE, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';
import { copyOf } from './copyOf.ts';

export const KERNEL_MAP = 0xffffffff80000000n;
const RELEASE = '6.12.0-synthetic';
/** As KASLR may have it: the image is further on in virtual memory than in physical memory. */
const PHYS_BASE = -0x10000;

/** Pages by what they hold. */
const AT = { top: 1, pgd: 2, image: 3, imageTable: 5, direct: 6, vmemmap: 8, vmemmapTable: 11, data: 20 } as const;
const [UTS_NAMES, ROOTS, SECTIONS] = [0x100, 0x800, AT.data * PAGE_SIZE + PAGE_SIZE];
const STRUCT_PAGES = 32 * PAGE_SIZE;
export const STRUCT_PAGE = 64;
/** 1 MiB of memory: 256 pages. */
export const PAGES_PER_SECTION = 256;
const SECTION_SIZE = 32;
/** Of both tables: present, and a large page. */
const [PRESENT, LARGE] = [0x3, 0x83];

/** Fields of a struct page in bytes; `order` is the lowest byte of the first tail's flags. */
const FIELD = { flags: 0, head: 8, mapping: 24, private: 40, mapcount: 48, refcount: 52 } as const;
const INTS: readonly string[] = ['mapcount', 'refcount'];
export type StructPage64 = Partial<Record<keyof typeof FIELD, number | bigint>>;

export const PG = { lru: 1 << 5, head: 1 << 6, waiters: 1 << 7, reserved: 1 << 13, private: 1 << 14 } as const;
export const TYPE = {
  buddy: 0xf0 << 24,
  offline: 0xf1 << 24,
  table: 0xf2 << 24,
  hugetlb: 0xf4 << 24,
  slab: 0xf5 << 24,
  unaccepted: 0xf7 << 24,
} as const;

/** VMCOREINFO by its keys. */
export const KEYS: Readonly<Record<string, string>> = {
  OSRELEASE: RELEASE,
  PAGESIZE: '4096',
  'SYMBOL(init_uts_ns)': (KERNEL_MAP + BigInt(AT.data * PAGE_SIZE + UTS_NAMES - 4 - PHYS_BASE)).toString(16),
  'OFFSET(uts_namespace.name)': '4',
  'SYMBOL(swapper_pg_dir)': (KERNEL_MAP + BigInt(AT.pgd * PAGE_SIZE - PHYS_BASE)).toString(16),
  'NUMBER(phys_base)': String(PHYS_BASE),
  'NUMBER(pgtable_l5_enabled)': '0',
  'SYMBOL(mem_section)': (KERNEL_MAP + BigInt(AT.data * PAGE_SIZE + ROOTS - PHYS_BASE)).toString(16),
  'LENGTH(mem_section)': '8',
  'SIZE(mem_section)': String(SECTION_SIZE),
  'OFFSET(mem_section.section_mem_map)': '0',
  'NUMBER(SECTION_SIZE_BITS)': '20',
  'NUMBER(MAX_PHYSMEM_BITS)': '30',
  'SIZE(page)': String(STRUCT_PAGE),
  'OFFSET(page.flags)': '0',
  'OFFSET(page._refcount)': '52',
  'OFFSET(page.mapping)': '24',
  'OFFSET(page.lru)': '8',
  'OFFSET(page._mapcount)': '48',
  'OFFSET(page.private)': '40',
  'OFFSET(page.compound_head)': '8',
  'LENGTH(zone.free_area)': '11',
  'NUMBER(PG_lru)': '5',
  'NUMBER(PG_private)': '14',
  'NUMBER(PG_swapcache)': '10',
  'NUMBER(PG_swapbacked)': '17',
  'NUMBER(PG_hwpoison)': '20',
  'NUMBER(PG_head_mask)': String(PG.head),
  'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)': String(TYPE.buddy),
  'NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)': String(TYPE.slab),
  'NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)': String(TYPE.hugetlb),
  'NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)': String(TYPE.offline),
  'NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)': String(TYPE.unaccepted),
};

/** Of five levels: another root, in front of the one of four. */
export const FIVE_LEVELS = {
  'SYMBOL(swapper_pg_dir)': (KERNEL_MAP + BigInt(AT.top * PAGE_SIZE - PHYS_BASE)).toString(16),
  'NUMBER(pgtable_l5_enabled)': '1',
};

export class SyntheticKernel64 implements PhysicalMemory {
  readonly bytes = Buffer.alloc(64 * PAGE_SIZE);
  readonly size = this.bytes.length;
  readonly vmemmap: bigint;
  readonly pageOffset: bigint;

  /** @param sections which of the first 16 sections have struct pages. */
  constructor(
    readonly sections: readonly number[],
    readonly hasFiveLevels = false,
  ) {
    const half = hasFiveLevels ? 0xff00000000000000n : 0xffff800000000000n;
    // Entry 275 of the first level, and there of one level below; vmemmap: entry 424.
    this.pageOffset = half + (hasFiveLevels ? (19n << 48n) + (5n << 39n) : 19n << 39n) + (7n << 30n);
    this.vmemmap = half + (168n << (hasFiveLevels ? 48n : 39n));
    this.map(KERNEL_MAP, [AT.image, AT.image + 1, AT.imageTable]);
    for (let page = 0; page < this.size / PAGE_SIZE; page++) {
      this.entry(AT.imageTable, page - PHYS_BASE / PAGE_SIZE, (page * PAGE_SIZE) | PRESENT);
    }
    this.map(this.pageOffset, hasFiveLevels ? [AT.direct, AT.direct + 1, 30] : [AT.direct, AT.direct + 1]);
    this.entry(hasFiveLevels ? 30 : AT.direct + 1, 0, LARGE);
    const tables = [AT.vmemmap, AT.vmemmap + 1, ...(hasFiveLevels ? [AT.vmemmap + 2] : []), AT.vmemmapTable];
    this.map(this.vmemmap, tables);
    this.bytes.write(RELEASE, AT.data * PAGE_SIZE + UTS_NAMES + 2 * 65);
    this.long(AT.data * PAGE_SIZE + ROOTS, this.pageOffset + BigInt(SECTIONS));
    sections.forEach((section, index) => {
      const pages = (PAGES_PER_SECTION * STRUCT_PAGE) / PAGE_SIZE;
      for (let page = 0; page < pages; page++) {
        const physical = STRUCT_PAGES + (index * pages + page) * PAGE_SIZE;
        this.entry(AT.vmemmapTable, section * pages + page, physical | PRESENT);
      }
      this.setSection(section, this.vmemmap | 0x0fn);
      for (let page = 0; page < PAGES_PER_SECTION; page++) {
        this.set(section * PAGES_PER_SECTION + page, { mapcount: -1, refcount: 1 });
      }
    });
  }

  /** VMCOREINFO of this kernel. @param changes other values of keys; `undefined` leaves a key out. */
  info(changes: Readonly<Record<string, string | undefined>> = {}): VmcoreInfo {
    const keys: Record<string, string | undefined> = {
      ...KEYS,
      ...(this.hasFiveLevels ? FIVE_LEVELS : {}),
      ...changes,
    };
    const lines = Object.entries(keys).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}\n`]));
    return new VmcoreInfo(lines.join(''));
  }

  /** Writes what a section says of its struct pages. */
  setSection(section: number, coded: bigint): void {
    this.long(SECTIONS + section * SECTION_SIZE, coded);
  }

  /** Virtual address of a struct page. */
  structPage(pfn: number): bigint {
    return this.vmemmap + BigInt(pfn * STRUCT_PAGE);
  }

  set(pfn: number, fields: StructPage64): void {
    for (const [name, value] of Object.entries(fields) as [keyof typeof FIELD, number | bigint][]) {
      const at = this.physical(pfn) + FIELD[name];
      if (INTS.includes(name)) this.bytes.writeInt32LE(Number(value), at);
      else this.long(at, BigInt.asUintN(64, BigInt(value)));
    }
  }

  /** Makes pages one compound page. */
  compound(pfn: number, order: number, fields: StructPage64): void {
    this.set(pfn, { ...fields, flags: Number(fields.flags ?? 0) | PG.head });
    for (let tail = pfn + 1; tail < pfn + 2 ** order; tail++) this.set(tail, { head: this.structPage(pfn) + 1n });
    this.set(pfn + 1, { flags: order });
  }

  read(address: number, length: number, scratch?: Buffer): Buffer | undefined {
    if (address < 0 || address + length > this.size) return undefined;
    return copyOf(this.bytes.subarray(address, address + length), scratch);
  }

  /** Physical address of a struct page. */
  private physical(pfn: number): number {
    const index = this.sections.indexOf(Math.floor(pfn / PAGES_PER_SECTION));
    return STRUCT_PAGES + (index * PAGES_PER_SECTION + (pfn % PAGES_PER_SECTION)) * STRUCT_PAGE;
  }

  /** Leads from the root through tables, given as pages from the one below the root on, to a virtual address. */
  private map(address: bigint, tables: readonly number[]): void {
    let table: number = this.hasFiveLevels ? AT.top : AT.pgd;
    let shift = this.hasFiveLevels ? 48n : 39n;
    // The kernel's image is at the same place with four levels and with five.
    const path = this.hasFiveLevels && address === KERNEL_MAP ? [AT.pgd, ...tables] : tables;
    for (const next of path) {
      this.entry(table, Number((address >> shift) & 511n), (next * PAGE_SIZE) | PRESENT);
      table = next;
      shift -= 9n;
    }
  }

  private entry(table: number, index: number, value: number): void {
    // No-execute is no part of the address.
    this.long(table * PAGE_SIZE + index * 8, BigInt(value) | (1n << 63n));
  }

  private long(at: number, value: bigint): void {
    this.bytes.writeBigUInt64LE(value, at);
  }
}
