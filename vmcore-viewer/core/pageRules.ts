/**
 * What tells the classes of pages apart, taken from VMCOREINFO, and from a table where VMCOREINFO is silent.
 * Source: makedumpfile.c and makedumpfile.h (isLRU … isHWPOISON, isSlab, is_cache_page, page_is_buddy_v3, isUnaccepted,
 * isOffline, isHugetlb), include/linux/page-flags.h (page_type, which lies over _mapcount).
 */
import { wrongPageFlagTable } from './errors.ts';
import type { PageClassName } from './pageClassNames.ts';
import type { StackPages } from './kernelStacks.ts';
import type { PageFlagTable } from './pageFlags.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

/** Where the kernel's image lies: virtual addresses of its symbols, as it runs. */
export interface KernelImage {
  _text: bigint;
  _etext: bigint;
  _end: bigint;
}

/** What the caller knows beside VMCOREINFO. */
export interface PageKnowledge {
  table?: PageFlagTable;
  image?: KernelImage;
  stacks?: StackPages;
  /** Whether only the classes are wanted that `DUMP_CLASSES` has. */
  isCoarse?: boolean;
}

/** A class that cannot be told, and what would have to be known for it. */
export interface UndecidedClass {
  class: PageClassName;
  missing: string[];
}

/**
 * Masks of flags (all are in the lowest 32 bits) and unsigned values of _mapcount; where one is not known, a number that
 * no page has.
 */
export interface PageRules {
  lru: number;
  private: number;
  swapcache: number;
  /** All bits where the kernel has no such flag: then PG_swapcache counts alone. */
  swapbacked: number;
  slab: number;
  hwpoison: number;
  reserved: number;
  head: number;
  buddyMapcount: number;
  offlineMapcount: number;
  tableMapcount: number;
  /** Since Linux 6.10; PG_slab is no flag then. */
  slabMapcount: number;
  /** Huge pages are told by one of these three: since Linux 6.9, since 6.6 by a flag of the first tail, and before. */
  hugetlbMapcount: number;
  hugetlbTailFlag: number;
  hugetlbDestructor: number;
  /** Free memory that a confidential machine has not accepted from its host yet. */
  unacceptedMapcount: number;
  /** How many orders of free blocks there are; an order that is not below is not believed. */
  orders: number;
}

const NO_FLAG = 0;
const NO_VALUE = -1;

const IMAGE = 'addresses of _text, _etext and _end';
const TASKS = 'the list of tasks and the size of a stack';
const EITHER = ' or ';
const SLAB = `NUMBER(PG_slab)${EITHER}NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)`;
const TYPED = ['OFFSET(page._mapcount)', SLAB];
const CACHED = ['NUMBER(PG_lru)', 'NUMBER(PG_swapcache)', 'NUMBER(PG_private)'];

/** What has to be known to tell a class. All but the image's addresses and the tasks are keys of VMCOREINFO, or would be, or two such. */
const NEEDS: readonly (readonly [PageClassName, readonly string[]])[] = [
  ['free', [...TYPED, 'OFFSET(page.private)', 'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)']],
  ['cache', CACHED],
  ['cachePrivate', CACHED],
  ['hwpoison', ['NUMBER(PG_hwpoison)']],
  ['offline', [...TYPED, 'NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)']],
  ['slab', [SLAB]],
  ['pageTable', [...TYPED, 'NUMBER(PAGE_TABLE_MAPCOUNT_VALUE)']],
  ['kernelText', [IMAGE]],
  ['kernelData', [IMAGE]],
  ['reserved', ['NUMBER(PG_reserved)']],
  ['kernelStack', [TASKS]],
  ['compound', [`OFFSET(page.compound_head)${EITHER}OFFSET(page.compound_info)`, 'NUMBER(PG_head_mask)']],
];

/**
 * The rules of one kernel, and the classes that cannot be told: nothing fits their rules.
 * @throws MemoryError when the table contradicts VMCOREINFO.
 */
export function pageRules(
  info: VmcoreInfo,
  { table, image, stacks, isCoarse = false }: PageKnowledge,
): { rules: PageRules; undecided: UndecidedClass[] } {
  const given = table ? numbersOf(table) : {};
  for (const [name, value] of Object.entries(given)) {
    const told = info.number(name);
    if (table && told !== undefined && told !== value) throw wrongPageFlagTable(table.kernel, name, told, value);
  }
  const number = (name: string): number | undefined => info.number(name) ?? given[name];
  const isKnown = (fact: string): boolean => {
    if (fact.includes(EITHER)) return fact.split(EITHER).some(isKnown);
    const name = /^NUMBER\((.*)\)$/.exec(fact)?.[1];
    if (name !== undefined) return number(name) !== undefined;
    if (fact === IMAGE) return image !== undefined;
    return fact === TASKS ? stacks !== undefined : info.missing([fact]).length === 0;
  };
  const undecided = NEEDS.map(([name, facts]) => ({
    class: name,
    missing: facts.filter((fact) => !isKnown(fact)),
  })).filter(({ missing }) => missing.length > 0);
  const isDecided = (name: PageClassName): boolean => !undecided.some((entry) => entry.class === name);

  const flag = (name: string): number => {
    const bit = number(name) ?? NO_VALUE;
    return bit >= 0 && bit < 32 ? (1 << bit) >>> 0 : NO_FLAG;
  };
  const mapcount = (name: string, of?: PageClassName): number => {
    const value = of === undefined || isDecided(of) ? number(name) : undefined;
    return value === undefined || info.offset('page._mapcount') === undefined ? NO_VALUE : value >>> 0;
  };
  const rules = {
    lru: isDecided('cache') ? flag('PG_lru') : NO_FLAG,
    private: flag('PG_private'),
    swapcache: isDecided('cache') ? flag('PG_swapcache') : NO_FLAG,
    swapbacked: flag('PG_swapbacked') || 0xffffffff,
    slab: flag('PG_slab'),
    hwpoison: isCoarse ? NO_FLAG : flag('PG_hwpoison'),
    reserved: flag('PG_reserved'),
    head: number('PG_head_mask') ?? NO_FLAG,
    buddyMapcount: mapcount('PAGE_BUDDY_MAPCOUNT_VALUE', 'free'),
    offlineMapcount: isCoarse ? NO_VALUE : mapcount('PAGE_OFFLINE_MAPCOUNT_VALUE', 'offline'),
    tableMapcount: mapcount('PAGE_TABLE_MAPCOUNT_VALUE', 'pageTable'),
    slabMapcount: mapcount('PAGE_SLAB_MAPCOUNT_VALUE'),
    hugetlbMapcount: mapcount('PAGE_HUGETLB_MAPCOUNT_VALUE'),
    hugetlbTailFlag: flag('PG_hugetlb'),
    unacceptedMapcount: mapcount('PAGE_UNACCEPTED_MAPCOUNT_VALUE'),
    hugetlbDestructor: number('HUGETLB_PAGE_DTOR') ?? NO_VALUE,
    orders: info.arrayLength('zone.free_area') ?? 0,
  };
  return { rules, undecided };
}

/** A table as VMCOREINFO would tell it. */
function numbersOf({ flags, types }: PageFlagTable): Record<string, number> {
  const numbers = { ...flags };
  if (flags['PG_head'] !== undefined) numbers['PG_head_mask'] = 1 << flags['PG_head'];
  for (const [type, value] of Object.entries(types)) {
    numbers[`PAGE_${type.replace('PG_', '').toUpperCase()}_MAPCOUNT_VALUE`] = value;
  }
  return numbers;
}
