/** Reading a dormant kernel's memory: its pages of the window wait in their source pages. */
import { PAGE_SIZE, readByPages, type PhysicalMemory } from './physicalMemory.ts';
import type { PageList } from './pageList.ts';

/**
 * Memory as it is after the given lists were swapped back, last list first. The memory itself is not changed.
 *
 * Each exchange swaps destination and source, one after the other as swap_pages does; a page that takes part in
 * several exchanges is followed through all of them.
 */
export class Overlay implements PhysicalMemory {
  readonly size: number;
  private readonly contentIsAt = new Map<number, number>();

  /** @param lists page lists in the order in which they were swapped. */
  constructor(
    private readonly memory: PhysicalMemory,
    lists: readonly PageList[],
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

  read(address: number, length: number): Buffer | undefined {
    return readByPages(address, length, (part, size) => {
      const inPage = part % PAGE_SIZE;
      return this.memory.read(this.locate(part - inPage) + inPage, size);
    });
  }

  private exchange(one: number, other: number): void {
    if (one === other) return;
    const contentOfOne = this.locate(one);
    this.contentIsAt.set(one, this.locate(other));
    this.contentIsAt.set(other, contentOfOne);
  }
}
