/** A 64-bit hash of every page frame, so that two moments of a memory can be compared without a copy of either. */
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';

const WORDS = PAGE_SIZE / 4;
const PIECE = 4 << 20;
/** Odd, so that a multiplication loses nothing. Source: xxHash, PRIME32_1 and PRIME32_2. */
const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;

/** Hashes of all whole pages of a memory at one moment. */
export class PageHashes {
  /** Two words a page; a page that is not in the memory has zeros. */
  private readonly words: Int32Array;

  constructor(memory: PhysicalMemory) {
    this.words = new Int32Array(2 * Math.floor(memory.size / PAGE_SIZE));
    const scratch = Buffer.allocUnsafe(PIECE);
    for (let start = 0; start < this.count * PAGE_SIZE; start += PIECE) {
      const length = Math.min(PIECE, this.count * PAGE_SIZE - start);
      const piece = memory.read(start, length, scratch);
      if (piece) this.add(piece, start / PAGE_SIZE);
      // A hole somewhere in it: each page on its own.
      else for (let page = start; page < start + length; page += PAGE_SIZE) this.addPage(memory, page);
    }
  }

  /** How many pages there are. */
  get count(): number {
    return this.words.length / 2;
  }

  /** Whether a page held then what a page of another moment held. */
  same(pfn: number, then: PageHashes, pfnThen: number): boolean {
    return this.words[2 * pfn] === then.words[2 * pfnThen] && this.words[2 * pfn + 1] === then.words[2 * pfnThen + 1];
  }

  private addPage(memory: PhysicalMemory, address: number): void {
    const page = memory.read(address, PAGE_SIZE);
    if (page) this.add(page, address / PAGE_SIZE);
  }

  /**
   * Two chains with rotations of their own. Each step is a bijection of the chain for a given word, and of the word for a
   * given chain: a page with one changed word never has the same hash.
   */
  private add(bytes: Buffer, firstPfn: number): void {
    const words = wordsOf(bytes);
    for (let at = 0, to = 2 * firstPfn; at < words.length; to += 2) {
      let one = PRIME_1;
      let other = PRIME_2;
      for (const end = at + WORDS; at < end; at++) {
        const word = words[at]!;
        const mixed = one ^ word;
        one = Math.imul((mixed << 13) | (mixed >>> 19), PRIME_1);
        const added = (other + word) | 0;
        other = Math.imul((added << 17) | (added >>> 15), PRIME_2);
      }
      this.words[to] = one;
      this.words[to + 1] = other;
    }
  }
}

/** The bytes as words; a buffer that is not aligned is copied. */
function wordsOf(bytes: Buffer): Int32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}
