/** Where a kernel stands in its swap_pages: which entry of the page list, which page, how much of it is copied. */
import type { PageList } from '../../vmcore-viewer/core/pageList.ts';
import type { SwapCode } from '../../vmcore-viewer/core/swapCode.ts';

/** A moment of swap_pages. Numbers count from 0, in the order of the page list. */
export interface SwapPlace {
  /** Entries of the list that were read. */
  entriesRead: number;
  /** Exchanges that are done. */
  exchangesDone: number;
  /** Whether the entry of the next exchange was read. */
  isExchanging: boolean;
  /** Copies of that exchange that are done: 0 to 2. */
  copiesDone: number;
}

/** Registers that swap_pages works with. */
export interface SwapRegisters {
  eip: number;
  /** The next entry to read, or just behind the one that was. */
  ebx: number;
}

/**
 * Tells where a stopped machine stands.
 * @param start physical address of the control page, at which the routine's offsets begin.
 * @returns `undefined` outside of swap_pages.
 */
export function swapPlace(
  code: SwapCode,
  swapPages: number,
  start: number,
  list: PageList,
  { eip, ebx }: SwapRegisters,
): SwapPlace | undefined {
  const at = eip - start;
  if (at < swapPages || at > code.done) return undefined;
  const [sourceSaved, destinationSaved, exchanged] = code.copied;
  // Before the first entry %ebx is not set, or holds the head.
  const cursor = at < code.readEntry ? 0 : entriesBefore(list, ebx);
  // `mov (%ebx),%ecx` is two bytes; behind it the entry is read and %ebx not moved yet.
  const entriesRead = at === code.readEntry + 2 ? cursor + 1 : cursor;
  if (at === code.done) return { ...nothing, entriesRead: list.entries.length, exchangesDone: list.exchanges.length };
  const last = list.entries[entriesRead - 1];
  const exchangesRead = list.exchanges.findIndex(({ entryAddress }) => entryAddress === last?.address);
  if (exchangesRead < 0 || at === code.readEntry || at >= exchanged) {
    return { ...nothing, entriesRead, exchangesDone: exchangesBefore(list, entriesRead) };
  }
  const copiesDone = at >= destinationSaved ? 2 : at >= sourceSaved ? 1 : 0;
  return { entriesRead, exchangesDone: exchangesRead, isExchanging: true, copiesDone };
}

const nothing = { isExchanging: false, copiesDone: 0 };

/** How many entries lie before an address that is one's or just behind one. */
function entriesBefore({ entries }: PageList, address: number): number {
  const next = entries.findIndex((entry) => entry.address === address);
  return next >= 0 ? next : entries.findIndex((entry) => entry.address === address - 4) + 1;
}

/** How many exchanges begin in the first so many entries. */
function exchangesBefore({ entries, exchanges }: PageList, count: number): number {
  const read = new Set(entries.slice(0, count).map(({ address }) => address));
  const first = exchanges.findIndex(({ entryAddress }) => !read.has(entryAddress));
  return first < 0 ? exchanges.length : first;
}
