/** The memory of a small i386 kernel made up for tests: page tables, VMCOREINFO, struct pages. */
import { PAGE_SIZE, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';
import { copyOf } from './copyOf.ts';

export const PAGE_OFFSET = 0xc0000000;
const DIRECTORY = PAGE_SIZE;
const DATA = 2 * PAGE_SIZE;
export const VMCOREINFO_PAGE = 3 * PAGE_SIZE;
export const MEM_MAP = 16 * PAGE_SIZE;
const [UTS_NAMES, NODE, MEM_MAP_POINTER] = [0x100, 0x400, 0x800];
const STRUCT_PAGE = 32;
const LARGE_PAGE = 4 << 20;
const RELEASE = '6.1.0-synthetic';

/** Fields of a struct page as Linux 6.1 for i386 has them, in bytes. */
const FIELD = { flags: 0, head: 4, destructor: 8, order: 9, mapping: 12, private: 20, mapcount: 24, refcount: 28 };
export type StructPage = Partial<Record<keyof typeof FIELD, number>>;

export const PG = { lru: 1 << 4, slab: 1 << 9, swapcache: 1 << 10, reserved: 1 << 12, private: 1 << 13 } as const;
export const PG_HEAD = 1 << 16;
export const PG_SWAPBACKED = 1 << 19;
export const PG_HWPOISON = 1 << 23;
export const BUDDY = ~0x80;
export const OFFLINE = ~0x100;
export const PAGE_TABLE = ~0x200;

/** VMCOREINFO by its keys. */
export const KEYS: Readonly<Record<string, string>> = {
  OSRELEASE: RELEASE,
  'BUILD-ID': '0123abcd',
  PAGESIZE: '4096',
  'SYMBOL(init_uts_ns)': (PAGE_OFFSET + DATA + UTS_NAMES - 4).toString(16),
  'OFFSET(uts_namespace.name)': '4',
  'SYMBOL(swapper_pg_dir)': (PAGE_OFFSET + DIRECTORY).toString(16),
  'SYMBOL(_stext)': 'c1000000',
  'SYMBOL(mem_map)': (PAGE_OFFSET + DATA + MEM_MAP_POINTER).toString(16),
  'SYMBOL(contig_page_data)': (PAGE_OFFSET + DATA + NODE).toString(16),
  'SIZE(page)': String(STRUCT_PAGE),
  'OFFSET(page.flags)': '0',
  'OFFSET(page._refcount)': '28',
  'OFFSET(page.mapping)': '12',
  'OFFSET(page.lru)': '4',
  'OFFSET(page._mapcount)': '24',
  'OFFSET(page.private)': '20',
  'OFFSET(page.compound_dtor)': '8',
  'OFFSET(page.compound_order)': '9',
  'OFFSET(page.compound_head)': '4',
  'OFFSET(pglist_data.node_start_pfn)': '0',
  'OFFSET(pglist_data.node_spanned_pages)': '4',
  'LENGTH(zone.free_area)': '11',
  'NUMBER(PG_lru)': '4',
  'NUMBER(PG_private)': '13',
  'NUMBER(PG_swapcache)': '10',
  'NUMBER(PG_swapbacked)': '19',
  'NUMBER(PG_slab)': '9',
  'NUMBER(PG_hwpoison)': '23',
  'NUMBER(PG_head_mask)': String(PG_HEAD),
  'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)': String(BUDDY),
  'NUMBER(HUGETLB_PAGE_DTOR)': '2',
  'NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)': String(OFFLINE),
};

/** VMCOREINFO text. @param changes other values of keys; `undefined` leaves a key out. */
export function vmcoreInfoText(changes: Readonly<Record<string, string | undefined>> = {}): string {
  return Object.entries({ ...KEYS, ...changes })
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}\n`]))
    .join('');
}

export class SyntheticKernel implements PhysicalMemory {
  readonly bytes: Buffer;
  /** Pages that are not in the image, by number. */
  readonly holes = new Set<number>();

  /** @param pages how many struct pages there are; the first is that of pfn 1, as on a PC. */
  constructor(readonly pages: number) {
    const end = MEM_MAP + pages * STRUCT_PAGE;
    this.bytes = Buffer.alloc(Math.ceil(end / PAGE_SIZE) * PAGE_SIZE);
    for (let at = 0; at < this.size; at += LARGE_PAGE) {
      // Present, writable, a large page.
      this.bytes.writeUInt32LE((at | 0x83) >>> 0, DIRECTORY + ((PAGE_OFFSET + at) >>> 22) * 4);
    }
    this.bytes.write(RELEASE, DATA + UTS_NAMES + 2 * 65);
    this.bytes.writeUInt32LE(1, DATA + NODE);
    this.bytes.writeUInt32LE(pages - 1, DATA + NODE + 4);
    this.bytes.writeUInt32LE(PAGE_OFFSET + MEM_MAP, DATA + MEM_MAP_POINTER);
    this.bytes.write(vmcoreInfoText(), VMCOREINFO_PAGE);
    for (let pfn = 0; pfn < pages; pfn++) this.set(pfn, { mapcount: -1, refcount: 1 });
  }

  get size(): number {
    return this.bytes.length;
  }

  /** VMCOREINFO of this kernel. */
  info(changes: Readonly<Record<string, string | undefined>> = {}): VmcoreInfo {
    return new VmcoreInfo(vmcoreInfoText(changes));
  }

  /** Virtual address of a struct page. */
  structPage(pfn: number): number {
    return PAGE_OFFSET + MEM_MAP + pfn * STRUCT_PAGE;
  }

  set(pfn: number, fields: StructPage): void {
    for (const [name, value] of Object.entries(fields) as [keyof typeof FIELD, number][]) {
      const at = MEM_MAP + pfn * STRUCT_PAGE + FIELD[name];
      if (name === 'destructor' || name === 'order') this.bytes.writeUInt8(value, at);
      else this.bytes.writeInt32LE(value | 0, at);
    }
  }

  /** Makes pages one compound page. */
  compound(pfn: number, order: number, fields: StructPage, destructor = 1): void {
    this.set(pfn, { ...fields, flags: (fields.flags ?? 0) | PG_HEAD });
    for (let tail = pfn + 1; tail < pfn + 2 ** order; tail++) this.set(tail, { head: this.structPage(pfn) + 1 });
    this.set(pfn + 1, { order, destructor });
  }

  read(address: number, length: number, scratch?: Buffer): Buffer | undefined {
    if (address < 0 || address + length > this.size) return undefined;
    for (let page = Math.floor(address / PAGE_SIZE); page * PAGE_SIZE < address + length; page++) {
      if (this.holes.has(page)) return undefined;
    }
    return copyOf(this.bytes.subarray(address, address + length), scratch);
  }
}
