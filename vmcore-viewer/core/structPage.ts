/**
 * Reading struct pages: where their fields are, and in pieces so big that a million of them are read in no time.
 * Source: include/linux/mm_types.h, struct page; kernel/crash_core.c for what VMCOREINFO tells of it.
 */
import { vmcoreInfoWrong } from './errors.ts';
import { openKernelMemory, type KernelMemory } from './kernelMemory.ts';
import { findMemoryMaps, type MemoryMap } from './memoryMap.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

/** A struct page is read in words of 32 bits also where longs have 64: their low half is first, and mostly suffices. */
const WORD = 4;
/** Struct pages read at a time; even, so that a compound page's head and its first tail come together. */
const AT_A_TIME = 1 << 15;
const LARGEST_STRUCT_PAGE = 1024;

/** Word numbers (of 32 bits) of the fields in a struct page. Those that VMCOREINFO need not tell may be `undefined`. */
export interface StructPageLayout {
  /** Words in a struct page. */
  words: number;
  /** Words in an unsigned long: flags, mapping, private, compoundHead and both pointers of lru. */
  longWords: 1 | 2;
  flags: number;
  refcount: number;
  mapping: number;
  mapcount: number | undefined;
  private: number | undefined;
  /** `next`; `prev` is the long behind it. */
  lru: number | undefined;
  compoundHead: number | undefined;
  /** A byte's offset in the struct page of the first tail; so is `compoundDestructor`, which since Linux 6.6 is none. */
  compoundOrder: number | undefined;
  compoundDestructor: number | undefined;
}

/** Struct pages that lie one behind the other: `count` of them, each `layout.words` long, the first that of `firstPfn`. */
export interface StructPageRun {
  firstPfn: number;
  count: number;
  words: Uint32Array;
}

/** All struct pages of one kernel. */
export class StructPages {
  readonly kernel: KernelMemory;
  readonly layout: StructPageLayout;
  /** The first pfn behind the last one that a struct page describes. */
  readonly endPfn: number;
  /** Where they are, by ascending pfn. */
  readonly maps: readonly MemoryMap[];

  /**
   * @param physical memory as this kernel knew it: of a dormant one, through the overlay.
   * @throws MemoryError when keys are missing or cannot be true, or the kernel is not in this memory.
   */
  constructor(
    physical: PhysicalMemory,
    readonly info: VmcoreInfo,
  ) {
    this.kernel = openKernelMemory(physical, info);
    this.layout = layoutOf(info, this.kernel.wordSize);
    this.maps = findMemoryMaps(this.kernel, info);
    this.endPfn = this.maps.at(-1)?.endPfn ?? 0;
  }

  /** Virtual address of a page frame's struct page, or `undefined` when it has none. */
  address(pfn: number): bigint | undefined {
    const map = this.maps.find(({ firstPfn, endPfn }) => pfn >= firstPfn && pfn < endPfn);
    return map && this.addressIn(map, pfn);
  }

  /** The page frame whose struct page is at a virtual address. */
  pfnAt(address: bigint): number | undefined {
    const bytes = BigInt(this.layout.words * WORD);
    for (const { firstPfn, endPfn, address: start } of this.maps) {
      const pfn = firstPfn + Number((address - start) / bytes);
      if (pfn >= firstPfn && pfn < endPfn && (address - start) % bytes === 0n) return pfn;
    }
    return undefined;
  }

  /** The struct page of a page frame and, where it can be read too, the one behind it; `undefined` when there is none. */
  read(pfn: number): Uint32Array | undefined {
    const address = this.address(pfn);
    if (address === undefined) return undefined;
    return this.words(address, 2) ?? this.words(address, 1);
  }

  /**
   * All that can be read, by ascending pfn; what lies in a hole of the image is left out, and no more than that. The words of a run are
   * good until the next is asked for.
   */
  *runs(): Generator<StructPageRun> {
    const scratch = Buffer.allocUnsafe(AT_A_TIME * this.layout.words * WORD);
    for (const map of this.maps) {
      for (let pfn = map.firstPfn; pfn < map.endPfn; pfn += AT_A_TIME) {
        yield* this.readable(map, pfn, Math.min(AT_A_TIME, map.endPfn - pfn), scratch);
      }
    }
  }

  /** Looks for what can be read by halves; within one page of memory all can, or nothing. */
  private *readable(map: MemoryMap, firstPfn: number, count: number, scratch: Buffer): Generator<StructPageRun> {
    const address = this.addressIn(map, firstPfn);
    const words = this.words(address, count, scratch);
    if (words) {
      yield { firstPfn, count, words };
    } else if (count > 1 && Number(address % BigInt(PAGE_SIZE)) + count * this.layout.words * WORD > PAGE_SIZE) {
      const half = count >>> 1;
      yield* this.readable(map, firstPfn, half, scratch);
      yield* this.readable(map, firstPfn + half, count - half, scratch);
    }
  }

  private addressIn({ firstPfn, address }: MemoryMap, pfn: number): bigint {
    return address + BigInt((pfn - firstPfn) * this.layout.words * WORD);
  }

  private words(address: bigint, count: number, scratch?: Buffer): Uint32Array | undefined {
    const length = count * this.layout.words;
    const bytes = this.kernel.read(address, length * WORD, scratch);
    if (!bytes) return undefined;
    const aligned = bytes.byteOffset % WORD === 0 ? bytes : Uint8Array.from(bytes);
    return new Uint32Array(aligned.buffer, aligned.byteOffset, length);
  }
}

function layoutOf(info: VmcoreInfo, wordSize: number): StructPageLayout {
  info.expect(
    ['PAGESIZE', 'SIZE(page)', 'OFFSET(page.flags)', 'OFFSET(page._refcount)', 'OFFSET(page.mapping)'],
    'reading struct page',
  );
  if (info.pageSize !== PAGE_SIZE) throw vmcoreInfoWrong('PAGESIZE', info.pageSize!, `pages have ${PAGE_SIZE} bytes`);
  const size = info.size('page')!;
  if (size < WORD || size > LARGEST_STRUCT_PAGE || size % WORD !== 0) {
    throw vmcoreInfoWrong('SIZE(page)', size, `struct page has whole words, at most ${LARGEST_STRUCT_PAGE} bytes`);
  }
  const at = (key: string, length: number, unit: number, from = 0): number | undefined => {
    const told = info.offset(key);
    if (told === undefined) return undefined;
    const offset = told - from;
    if (offset < 0 || offset + length > size || offset % unit !== 0) {
      throw vmcoreInfoWrong(`OFFSET(${key})`, told, `struct page has ${size} bytes`);
    }
    return offset / unit;
  };
  const int = (field: string): number | undefined => at(`page.${field}`, WORD, WORD);
  const long = (field: string): number | undefined => at(`page.${field}`, wordSize, WORD);
  // A folio is the struct pages of a head and its tails. Its order's byte has had three places; the last is in flags.
  const order = (): number | undefined =>
    hasOrderInFlags(info)
      ? info.offset('page.flags')
      : (at('folio._folio_order', 1, 1, size) ?? at('page.compound_order', 1, 1));
  return {
    words: size / WORD,
    longWords: wordSize === 8 ? 2 : 1,
    flags: long('flags')!,
    refcount: int('_refcount')!,
    mapping: long('mapping')!,
    mapcount: int('_mapcount'),
    private: long('private'),
    lru: at('page.lru', 2 * wordSize, WORD),
    // The field's name since Linux 7.1; its lowest bit means the same.
    compoundHead: long('compound_head') ?? long('compound_info'),
    compoundOrder: order(),
    compoundDestructor: at('folio._folio_dtor', 1, 1, size) ?? at('page.compound_dtor', 1, 1),
  };
}

/** Since Linux 6.6, which tells of huge pages in another way too. Source: makedumpfile.c, __exclude_unnecessary_pages(). */
function hasOrderInFlags(info: VmcoreInfo): boolean {
  return info.number('PAGE_HUGETLB_MAPCOUNT_VALUE') !== undefined || info.number('PG_hugetlb') !== undefined;
}
