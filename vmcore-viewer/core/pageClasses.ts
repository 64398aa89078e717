/**
 * The class of every page frame, decided as makedumpfile does it, and further where makedumpfile leaves a page in.
 * Source: makedumpfile.c, __exclude_unnecessary_pages().
 */
import { DUMP_CLASSES, PAGE_CLASS, PAGE_CLASSES, type DumpClassName, type PageClassName } from './pageClassNames.ts';
import { PageJudge } from './pageJudge.ts';
import type { PageKnowledge, UndecidedClass } from './pageRules.ts';
import type { StructPages } from './structPage.ts';
import { UNWATCHED, type Watch } from './watch.ts';

/** Classes of all page frames of a kernel. */
export interface PageClassification {
  /** A class (its index in `PAGE_CLASSES`) for each pfn from 0 on. */
  classes: Uint8Array;
  /** Classes that VMCOREINFO and the caller's knowledge do not suffice for; pages of theirs are among later ones. */
  undecided: UndecidedClass[];
}

/** Classifies all pages. @throws MemoryError when the table of page flags is another kernel's. */
export function classifyPages(
  pages: StructPages,
  knowledge: PageKnowledge = {},
  watch: Watch = UNWATCHED,
): PageClassification {
  const judge = new PageJudge(pages, knowledge);
  const classes = new Uint8Array(pages.endPfn); // 0 is `absent`.
  for (const { firstPfn, endPfn } of pages.maps) classes.fill(PAGE_CLASS.unreadable, firstPfn, endPfn);
  /** Where the block ends whose first page has decided for all of it. */
  let blockEnd = 0;
  /** The same of a compound page that makedumpfile leaves in: each of its pages is looked at, but its tails are as its head. */
  let compoundEnd = 0;
  let compoundClass = PAGE_CLASS.compound;

  for (const { firstPfn, count, words } of pages.runs()) {
    watch(firstPfn, pages.endPfn);
    const end = firstPfn + count;
    for (let pfn = Math.max(firstPfn, blockEnd); pfn < end; pfn++) {
      const at = (pfn - firstPfn) * pages.layout.words;
      if (judge.isTail(words, at)) {
        classes[pfn] = pfn < compoundEnd ? compoundClass : PAGE_CLASS.compound;
        continue;
      }
      const found = judge.classOf(pfn, words, at);
      classes[pfn] = found;
      const order = judge.orderOf(found, pfn, words, at);
      if (order === 0) continue;
      if (found > PAGE_CLASS.offline) {
        compoundEnd = pfn + 2 ** order;
        compoundClass = found;
      } else {
        blockEnd = Math.min(pfn + 2 ** order, pages.endPfn);
        classes.fill(found, pfn, blockEnd);
        pfn = blockEnd - 1;
      }
    }
  }
  return { classes, undecided: judge.undecided };
}

/** How many pages there are of each class. */
export function countClasses(classes: Uint8Array): Record<PageClassName, number> {
  const counts = new Uint32Array(256);
  // For the 17 million pages of 64 GiB, an iterator takes five times as long: as long as all the rest.
  for (let pfn = 0, end = classes.length; pfn < end; pfn++) counts[classes[pfn]!]!++;
  const entries = PAGE_CLASSES.map(({ name }, number) => [name, counts[number]]);
  return Object.fromEntries(entries) as Record<PageClassName, number>;
}

/** Pages of each class of a dump, and how exact that is. */
export interface DumpClassCount {
  /** Their sum and `unreadable` are all pages that a struct page describes. */
  counts: Record<DumpClassName, number>;
  /** Pages whose struct page is not in the image. */
  unreadable: number;
  undecided: UndecidedClass[];
}

/**
 * Counts all pages by the classes of a dump: a page that is broken, or of the kernel's image, is counted by what else it is.
 * @throws MemoryError when the table of page flags is another kernel's.
 */
export function countDumpClasses(pages: StructPages, knowledge: PageKnowledge): DumpClassCount {
  const { classes, undecided } = classifyPages(pages, {
    ...(knowledge.table ? { table: knowledge.table } : {}),
    isCoarse: true,
  });
  const all = countClasses(classes);
  const counts = Object.fromEntries(DUMP_CLASSES.map((name) => [name, all[name]])) as Record<DumpClassName, number>;
  counts.other += all.compound;
  const names: readonly PageClassName[] = DUMP_CLASSES;
  return { counts, unreadable: all.unreadable, undecided: undecided.filter((entry) => names.includes(entry.class)) };
}
