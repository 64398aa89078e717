/** What a jump exchanges, by page, and how far it is. */
import { COPIES, type ExchangeProgress } from '../protocol.ts';

/** An arrow: the page at `destination` gets what is at `source`, and the other way round. `number` counts from 0. */
export interface Exchange {
  number: number;
  destination: number;
  source: number;
}

/** Whether the two pages of an exchange have changed places. */
export function isSwapped({ done, isReturn }: ExchangeProgress, number: number): boolean {
  return number < done !== isReturn;
}

/** How far an exchange is, in words. */
export function stateOf({ done, copies, isReturn }: ExchangeProgress, number: number): string {
  if (number < done) return isReturn ? 'back in place' : 'done';
  if (number === done && copies !== undefined) return `${copies} of ${COPIES} copies`;
  return isReturn ? 'to come back' : 'to come';
}

/** The exchanges in their order, and by each of their pages. */
export class Exchanges {
  /** Places in `pairs`, in the order of the pages that are there. */
  private readonly byPage: Uint32Array;

  /** @param pairs pfn of destination and source by turns. */
  constructor(private readonly pairs: Uint32Array) {
    this.byPage = Uint32Array.from(pairs.keys()).sort((one, other) => pairs[one]! - pairs[other]! || one - other);
  }

  get count(): number {
    return this.pairs.length >> 1;
  }

  at(number: number): Exchange {
    return { number, destination: this.pairs[number * 2]!, source: this.pairs[number * 2 + 1]! };
  }

  /** The exchanges in which a page takes part, in their order. */
  of(pfn: number): Exchange[] {
    const numbers = new Set<number>();
    for (let index = this.firstOf(pfn); this.pairs[this.byPage[index]!] === pfn; index++) {
      numbers.add(this.byPage[index]! >> 1);
    }
    return [...numbers].map((number) => this.at(number));
  }

  /** Marks the pages that have changed places. */
  mark({ done, isReturn }: ExchangeProgress, isExchanged: Uint8Array): void {
    isExchanged.fill(0);
    const { pairs } = this;
    for (const pfn of isReturn ? pairs.subarray(done * 2) : pairs.subarray(0, done * 2)) isExchanged[pfn] = 1;
  }

  /** Where in `byPage` a page is, or would be. */
  private firstOf(pfn: number): number {
    let [low, high] = [0, this.byPage.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.pairs[this.byPage[middle]!]! < pfn) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
