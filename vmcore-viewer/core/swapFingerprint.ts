/**
 * Tells how far swap_pages has come by what its pages hold, while it runs: a few words of each page, taken when it began, and
 * a binary search for the exchange at which it is. Source: arch/x86/kernel/relocate_kernel_32.S, swap_pages.
 */
import type { PageExchange } from './pageList.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';

/** Words of a page that are looked at, as byte offsets: its ends, and between them where no structure is aligned to. */
const SAMPLED = [0, 0x144, 0x2fc, 0x48c, 0x634, 0x7a8, 0x93c, 0xad4, 0xc5c, 0xd84, 0xeb0, 0xffc] as const;
const WORDS = SAMPLED.length;
/** Bytes that are read at once. */
const PIECE = 128 << 10;
/** More than there are pages in two page lists of 4 GiB. */
const PLACES = 2 ** 24;

/** How many exchanges are done. Between the two are only those that change nothing, or that are being made. */
export interface SwapProgress {
  /** So many are done for certain. */
  exchanged: number;
  /** No more than so many. */
  atMost: number;
}

export class SwapFingerprint {
  readonly count: number;
  /** Samples of destination and source, by exchange. */
  private readonly before: Int32Array;
  /** Numbers of the exchanges whose state can be seen: their pages differ, and take part in no other. */
  private readonly telling: Uint32Array;

  /**
   * @param memory when the swap begins.
   * @param swapPage physical address of the page that all contents of sources go through.
   */
  constructor(
    memory: PhysicalMemory,
    private readonly exchanges: readonly PageExchange[],
    private readonly swapPage: number,
  ) {
    this.count = exchanges.length;
    const pages = Uint32Array.from({ length: 2 * this.count }, (_, place) => {
      const { destination, source } = exchanges[place >> 1]!;
      return place % 2 === 0 ? destination : source;
    });
    this.before = samplesOf(memory, pages);
    const uses = new Uint32Array(pages.reduce((most, page) => Math.max(most, page / PAGE_SIZE), 0) + 1);
    for (const page of pages) uses[page / PAGE_SIZE]!++;
    const isTelling = (number: number): boolean =>
      uses[pages[2 * number]! / PAGE_SIZE] === 1 &&
      uses[pages[2 * number + 1]! / PAGE_SIZE] === 1 &&
      !this.holds(this.before, 2 * number, 2 * number + 1);
    this.telling = Uint32Array.from(exchanges.keys()).filter(isTelling);
  }

  /** How many exchanges can be told done or not by themselves. */
  get tellingCount(): number {
    return this.telling.length;
  }

  /**
   * Looks at the memory of a machine that may run meanwhile. What is done stays so, but where contents are alike a look may
   * find less than the one before.
   */
  progress(memory: PhysicalMemory): SwapProgress {
    let low = -1;
    let high = this.telling.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.isDone(memory, this.telling[middle]!)) low = middle;
      else high = middle;
    }
    if (low >= 0 && this.isPerhapsBeingCopied(memory, this.telling[low]!)) low--;
    return { exchanged: (this.telling[low] ?? -1) + 1, atMost: this.telling[high] ?? this.count };
  }

  /** Both pages hold what the other held. */
  private isDone(memory: PhysicalMemory, number: number): boolean {
    const { destination, source } = this.exchanges[number]!;
    const now = samplesOf(memory, Uint32Array.of(destination, source));
    return this.holds(now, 0, 2 * number + 1) && this.holds(now, 1, 2 * number);
  }

  /**
   * Whether the third copy of an exchange may not be over, though the sampled words have arrived: the swap page seems to
   * hold what the destination is to hold, and the destination does not hold all of that.
   */
  private isPerhapsBeingCopied(memory: PhysicalMemory, number: number): boolean {
    const arrived = memory.read(this.exchanges[number]!.destination, PAGE_SIZE);
    // Later than the destination: once it has another content, the exchange is over.
    const copied = memory.read(this.swapPage, PAGE_SIZE);
    if (!arrived || !copied || arrived.equals(copied)) return false;
    const page = { size: PAGE_SIZE, read: () => copied };
    return this.holds(samplesOf(page, Uint32Array.of(0)), 0, 2 * number + 1);
  }

  /** Whether a sample is the same as one from the beginning, by their numbers. */
  private holds(samples: Int32Array, number: number, then: number): boolean {
    for (let word = 0; word < WORDS; word++) {
      if (samples[number * WORDS + word] !== this.before[then * WORDS + word]) return false;
    }
    return true;
  }
}

/** Samples of pages, in their order; pages that lie side by side are read at once. What is not there is zero. */
function samplesOf(memory: PhysicalMemory, pages: Uint32Array): Int32Array {
  const samples = new Int32Array(pages.length * WORDS);
  // Sorted as numbers of a page frame and a place, which is many times faster than by a function.
  const order = Float64Array.from(pages, (page, place) => (page / PAGE_SIZE) * PLACES + place).sort();
  const place = (index: number): number => order[index]! % PLACES;
  const page = (index: number): number => pages[place(index)]!;
  for (let first = 0, next: number; first < order.length; first = next) {
    const start = page(first);
    let end = start + PAGE_SIZE;
    for (next = first + 1; next < order.length && page(next) <= end && end - start < PIECE; next++) {
      end = page(next) + PAGE_SIZE;
    }
    const bytes = memory.read(start, end - start);
    if (!bytes) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let index = first; index < next; index++) {
      const at = page(index) - start;
      const to = place(index) * WORDS;
      for (let word = 0; word < WORDS; word++) samples[to + word] = view.getInt32(at + SAMPLED[word]!, true);
    }
  }
  return samples;
}
