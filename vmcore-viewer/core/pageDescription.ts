/** One page frame in words: the fields of its struct page, its flags by name, its class and why it has that class. */
import { hex } from './errors.ts';
import { PAGE_CLASS, PAGE_CLASSES, type PageClassName } from './pageClassNames.ts';
import { PageJudge } from './pageJudge.ts';
import type { PageKnowledge } from './pageRules.ts';
import type { StructPageLayout, StructPages } from './structPage.ts';
import type { Task } from './tasks.ts';

/** A struct page. Numbers are as they are in memory; a field whose place VMCOREINFO does not tell is `undefined`. */
export interface PageDescription {
  pfn: number;
  class: PageClassName;
  /** A sentence. */
  why: string;
  /** Virtual address of the struct page; `undefined`, as all that follows, when there is none or it cannot be read. */
  address?: bigint;
  flags?: bigint;
  /** Names of the flags that are set, as the kernel spells them. */
  flagNames?: string[];
  /** Flags that are set and have no known name; the highest ones are no flags but the page's zone. */
  unnamedFlags?: bigint;
  refcount?: number;
  /** Signed: -1 for a page that no program maps, and below that a page's type. */
  mapcount?: number | undefined;
  mapping?: bigint;
  private?: bigint | undefined;
  lru?: { next: bigint; prev: bigint } | undefined;
  /** The task whose stack it is in the kernel. */
  stackOf?: Task;
  /** For the tail of a compound page: the head's pfn, or `undefined` when the pointer to it leads nowhere. */
  head?: number | undefined;
}

/** The flags whose numbers VMCOREINFO tells. */
const FLAGS_TOLD = ['PG_lru', 'PG_private', 'PG_swapcache', 'PG_swapbacked', 'PG_slab', 'PG_hwpoison'];

const REASONS: Readonly<Record<PageClassName, string>> = {
  absent: 'The kernel has no struct page for it.',
  unreadable: 'Its struct page is not mapped, or not in the image.',
  free: 'page_type says PG_buddy, and private is the order of the free block.',
  cache: 'It is on an LRU list or in the swap cache, and neither anonymous (bit 0 of mapping) nor PG_private.',
  cachePrivate: 'It is on an LRU list or in the swap cache, not anonymous (bit 0 of mapping), and PG_private.',
  user: 'Bit 0 of mapping says that it is anonymous, or it is a huge page.',
  hwpoison: 'PG_hwpoison is set.',
  offline: 'page_type says PG_offline.',
  slab: 'PG_slab is set, as a flag or as page_type.',
  pageTable: 'page_type says PG_table.',
  kernelText: 'It is reserved and lies between _text and _etext.',
  kernelData: 'It is reserved and lies between _etext and _end.',
  reserved: 'PG_reserved is set, and it is not in the kernel’s image.',
  compound: 'It is the head or a tail of a compound page, and nothing else is known of it.',
  kernelStack: 'It is where task_struct.stack of a task leads.',
  other: 'Nothing in its struct page says more than that it is not free.',
};

/**
 * Describes one page.
 * @param classes what `classifyPages` found, with the same knowledge.
 */
export function describePage(
  pages: StructPages,
  classes: Uint8Array,
  pfn: number,
  knowledge: PageKnowledge = {},
): PageDescription {
  const found = PAGE_CLASSES[classes[pfn] ?? PAGE_CLASS.absent]!.name;
  const address = pages.address(pfn);
  const words = pages.read(pfn);
  if (address === undefined || !words) return { pfn, class: found, why: REASONS[found] };
  const { layout } = pages;
  const int = (word: number | undefined): number | undefined => (word === undefined ? undefined : words[word]! | 0);
  const flags = long(layout, words, layout.flags)!;
  const judge = new PageJudge(pages, knowledge);
  const stackOf = found === 'kernelStack' ? knowledge.stacks?.get(pfn) : undefined;
  const block = blockOf(pages, judge, pfn, PAGE_CLASS[found]);
  return {
    pfn,
    class: found,
    why:
      (block ? `It is one of ${block.count} pages from pfn ${hex(block.firstPfn)} on. There: ` : '') + REASONS[found],
    ...(stackOf ? { stackOf } : {}),
    address,
    flags,
    ...nameFlags(pages, flags, knowledge),
    refcount: int(layout.refcount)!,
    mapcount: int(layout.mapcount),
    mapping: long(layout, words, layout.mapping)!,
    private: long(layout, words, layout.private),
    lru:
      layout.lru === undefined
        ? undefined
        : {
            next: long(layout, words, layout.lru)!,
            prev: long(layout, words, layout.lru + layout.longWords)!,
          },
    // The rest of it is the virtual address of the head's struct page.
    ...(judge.isTail(words, 0) ? { head: pages.pfnAt(long(layout, words, layout.compoundHead)! - 1n) } : {}),
  };
}

/** An unsigned long of a struct page. @param word where it begins. */
function long({ longWords }: StructPageLayout, words: Uint32Array, word: number | undefined): bigint | undefined {
  if (word === undefined) return undefined;
  const high = longWords === 2 ? words[word + 1]! : 0;
  return (BigInt(high) << 32n) | BigInt(words[word]!);
}

/** The free block or compound page behind whose first page a page is, if it is in one. */
function blockOf(
  pages: StructPages,
  judge: PageJudge,
  pfn: number,
  found: number,
): { firstPfn: number; count: number } | undefined {
  for (let size = 1; size <= pages.endPfn; size *= 2) {
    const firstPfn = pfn - (pfn % size);
    const words = pages.read(firstPfn);
    if (!words || judge.isTail(words, 0) || judge.classOf(firstPfn, words, 0) !== found) continue;
    const count = 2 ** judge.orderOf(found, firstPfn, words, 0);
    if (firstPfn + count > pfn) return count === 1 ? undefined : { firstPfn, count };
  }
  return undefined;
}

function nameFlags(
  { info }: StructPages,
  flags: bigint,
  { table }: PageKnowledge,
): { flagNames: string[]; unnamedFlags: bigint } {
  const flagNames: string[] = [];
  let unnamed = flags;
  for (const name of new Set([...Object.keys(table?.flags ?? {}), ...FLAGS_TOLD])) {
    const bit = info.number(name) ?? table?.flags[name];
    if (bit === undefined || bit < 0 || bit > 63) continue;
    const flag = 1n << BigInt(bit);
    if ((flags & flag) === 0n) continue;
    flagNames.push(name);
    unnamed &= ~flag;
  }
  return { flagNames, unnamedFlags: unnamed };
}
