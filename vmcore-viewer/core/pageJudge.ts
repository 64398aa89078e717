/**
 * The class of one page by its struct page.
 * Source: makedumpfile.c, __exclude_unnecessary_pages(), isSlab(), is_cache_page(), page_is_buddy_v3(), isUnaccepted(),
 * isOffline(), isHugetlb(); makedumpfile.h, isAnon(); include/linux/page-flags.h.
 */
import type { StackPages } from './kernelStacks.ts';
import { PAGE_CLASS } from './pageClassNames.ts';
import { pageRules, type PageKnowledge, type PageRules, type UndecidedClass } from './pageRules.ts';
import { PAGE_SIZE } from './physicalMemory.ts';
import type { StructPageLayout, StructPages } from './structPage.ts';

/** In page.mapping, for an anonymous page. */
const PAGE_MAPPING_ANON = 1;
/** In page.compound_head, for a tail page. */
const COMPOUND_TAIL = 1;

export class PageJudge {
  readonly undecided: UndecidedClass[];
  private readonly rules: PageRules;
  private readonly layout: StructPageLayout;
  /** The pfns at which the kernel's code begins, its data begins, and its image ends. */
  private readonly image: readonly [text: number, data: number, end: number];
  private readonly stacks: StackPages | undefined;

  /** @throws MemoryError when the table of page flags is another kernel's. */
  constructor(pages: StructPages, knowledge: PageKnowledge) {
    ({ rules: this.rules, undecided: this.undecided } = pageRules(pages.info, knowledge));
    this.layout = pages.layout;
    this.stacks = knowledge.stacks;
    const { _text, _etext, _end } = knowledge.image ?? { _text: 0n, _etext: 0n, _end: 0n };
    const pfn = (address: bigint): number => Number(address - pages.kernel.imageOffset) / PAGE_SIZE;
    this.image = [Math.floor(pfn(_text)), Math.ceil(pfn(_etext)), Math.ceil(pfn(_end))];
  }

  /** Whether it is the struct page of a compound page's tail. */
  isTail(words: Uint32Array, at: number): boolean {
    const { compoundHead } = this.layout;
    return compoundHead !== undefined && (words[at + compoundHead]! & COMPOUND_TAIL) !== 0;
  }

  isCompoundHead(words: Uint32Array, at: number): boolean {
    return (words[at + this.layout.flags]! & this.rules.head) !== 0;
  }

  /**
   * The class by a struct page that is no tail's. @param at where it is in `words`, which hold the next one too if it
   * is the head of a compound page; else that page is taken for a single one.
   */
  classOf(pfn: number, words: Uint32Array, at: number): number {
    const { rules, layout } = this;
    const flags = words[at + layout.flags]!;
    const mapcount = layout.mapcount === undefined ? 0 : words[at + layout.mapcount]!;
    const isSlab = this.isSlab(flags, mapcount);
    if (!isSlab && mapcount === rules.buddyMapcount) {
      // An order that cannot be is a warning to makedumpfile, and the page is left in.
      return this.freeOrder(words, at) < rules.orders ? PAGE_CLASS.free : this.kernelClass(pfn, flags, mapcount);
    }
    if (mapcount === rules.unacceptedMapcount) return PAGE_CLASS.free;
    const isAnonymous = !isSlab && (words[at + layout.mapping]! & PAGE_MAPPING_ANON) !== 0;
    if (!isAnonymous && this.isCache(flags)) {
      return flags & rules.private ? PAGE_CLASS.cachePrivate : PAGE_CLASS.cache;
    }
    if (isAnonymous || this.isHuge(words, at, mapcount)) return PAGE_CLASS.user;
    if (flags & rules.hwpoison) return PAGE_CLASS.hwpoison;
    if (!isSlab && mapcount === rules.offlineMapcount) return PAGE_CLASS.offline;
    return this.kernelClass(pfn, flags, mapcount);
  }

  /** log2 of how many pages the class of this one is that of: a free block's, or a compound page's. */
  orderOf(found: number, pfn: number, words: Uint32Array, at: number): number {
    if (found === PAGE_CLASS.free) return this.freeOrder(words, at);
    const order = this.isCompoundHead(words, at) ? this.byteOfTail(words, at, this.layout.compoundOrder) : 0;
    return order < 32 && pfn % 2 ** order === 0 ? order : 0;
  }

  /** Classes of pages that makedumpfile always leaves in. */
  private kernelClass(pfn: number, flags: number, mapcount: number): number {
    const { rules, image } = this;
    if (this.isSlab(flags, mapcount)) return PAGE_CLASS.slab;
    if (mapcount === rules.tableMapcount) return PAGE_CLASS.pageTable;
    // What the kernel gives back of its image, as initialisation code, is used for anything.
    if (flags & rules.reserved || rules.reserved === 0) {
      if (pfn >= image[0] && pfn < image[1]) return PAGE_CLASS.kernelText;
      if (pfn >= image[1] && pfn < image[2]) return PAGE_CLASS.kernelData;
    }
    if (flags & rules.reserved) return PAGE_CLASS.reserved;
    if (flags & rules.head) return PAGE_CLASS.compound;
    return this.stacks?.has(pfn) ? PAGE_CLASS.kernelStack : PAGE_CLASS.other;
  }

  /** makedumpfile tests flag 7 too where PG_slab is no flag any more: that is PG_waiters then, and none of slab's. */
  private isSlab(flags: number, mapcount: number): boolean {
    return (flags & this.rules.slab) !== 0 || mapcount === this.rules.slabMapcount;
  }

  /** Of a free block. Unaccepted memory always comes in the largest ones. */
  private freeOrder(words: Uint32Array, at: number): number {
    const { layout, rules } = this;
    if (words[at + layout.mapcount!] === rules.unacceptedMapcount) return rules.orders - 1;
    const order = words[at + layout.private!]!;
    return layout.longWords === 2 && words[at + layout.private! + 1] !== 0 ? Infinity : order;
  }

  private isCache(flags: number): boolean {
    const { rules } = this;
    return (flags & rules.lru) !== 0 || ((flags & rules.swapbacked) !== 0 && (flags & rules.swapcache) !== 0);
  }

  private isHuge(words: Uint32Array, at: number, mapcount: number): boolean {
    const { rules, layout } = this;
    if (!this.isCompoundHead(words, at)) return false;
    if (mapcount === rules.hugetlbMapcount) return true;
    if (((words[at + layout.words + layout.flags] ?? 0) & rules.hugetlbTailFlag) !== 0) return true;
    return this.byteOfTail(words, at, layout.compoundDestructor) === rules.hugetlbDestructor;
  }

  /** A byte in the struct page of the first tail, 0 where it is not known. */
  private byteOfTail(words: Uint32Array, head: number, offset: number | undefined): number {
    if (offset === undefined) return 0;
    const word = words[head + this.layout.words + (offset >>> 2)] ?? 0;
    return (word >>> ((offset & 3) * 8)) & 0xff;
  }
}
