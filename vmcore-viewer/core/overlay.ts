/** Reading a dormant kernel's memory: its pages of the window wait in their source pages. */
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';
import type { PageList } from './pageList.ts';
import { readRuns, type PhysicalRun } from './physicalRuns.ts';

/**
 * Memory as it is after the given lists were swapped back, last list first. The memory itself is not changed.
 *
 * Each exchange swaps destination and source, one after the other as swap_pages does; a page that takes part in
 * several exchanges is followed through all of them.
 */
export class Overlay implements PhysicalMemory {
  readonly size: number;
  private readonly contentIsAt = new Map<number, number>();
  private contentOf: Map<number, number> | undefined;

  /** @param lists page lists in the order in which they were swapped. */
  constructor(
    private readonly memory: PhysicalMemory,
    lists: readonly Pick<PageList, 'exchanges'>[],
  ) {
    this.size = memory.size;
    for (const { exchanges } of [...lists].reverse()) {
      for (const { destination, source } of [...exchanges].reverse()) this.exchange(destination, source);
    }
  }

  /** Where the content of a physical page is now; the page itself when nothing moved it. */
  locate(page: number): number {
    return this.contentIsAt.get(page) ?? page;
  }

  /** The page whose content a physical page has now: the inverse of `locate()`. */
  belongsTo(page: number): number {
    this.contentOf ??= new Map([...this.contentIsAt].map(([whose, at]) => [at, whose]));
    return this.contentOf.get(page) ?? page;
  }

  /** The pages that the lists are about. */
  get moved(): number[] {
    return [...this.contentIsAt.keys()];
  }

  read(address: number, length: number, scratch?: Buffer): Buffer | undefined {
    return readRuns(this.memory, this.runs(address, length), scratch);
  }

  /** Where bytes are now. Pages that still lie side by side are one piece: most of memory is never moved. */
  private runs(address: number, length: number): PhysicalRun[] {
    const runs: PhysicalRun[] = [];
    for (let at = address, size; at < address + length; at += size) {
      const inPage = at % PAGE_SIZE;
      size = Math.min(address + length - at, PAGE_SIZE - inPage);
      const now = this.locate(at - inPage) + inPage;
      const last = runs.at(-1);
      if (last && last.address + last.length === now) last.length += size;
      else runs.push({ address: now, length: size });
    }
    return runs;
  }

  private exchange(one: number, other: number): void {
    if (one === other) return;
    const contentOfOne = this.locate(one);
    this.contentIsAt.set(one, this.locate(other));
    this.contentIsAt.set(other, contentOfOne);
  }
}
