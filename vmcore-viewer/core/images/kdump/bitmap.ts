/** A bitmap of page frames, and how many of its bits are set before one, for any size of memory. */
import type { Extent, FileBytes } from '../fileBytes.ts';
import { Pieces } from './pieces.ts';

/** Bytes between two counts that are kept. */
const BLOCK = 512;
const PAGES_IN_BLOCK = BLOCK * 8;
/** 32 GiB of memory in pages of 4 KiB. */
const PIECES_KEPT = 16;

/** Pages from `startPfn` to before `endPfn`. */
export interface PageRun {
  startPfn: number;
  endPfn: number;
}

/** Bit n is of page frame n, the lowest bit of each byte first. A part that is cut off has no bits. */
export class Bitmap {
  /** Bytes read at a time. */
  static readonly PIECE = 1 << 16;
  private readonly pieces: Pieces;
  /** Bits before each block, as far as they were counted. */
  private readonly before: Float64Array;
  private counted = 0;

  /** @param pages page frames that it is about; the table has a bit for each. */
  constructor(
    file: FileBytes,
    table: Extent,
    readonly pages: number,
  ) {
    const length = Math.ceil(pages / 8);
    this.pieces = new Pieces(file, { offset: table.offset, length }, Bitmap.PIECE, PIECES_KEPT);
    this.before = new Float64Array(Math.ceil(length / BLOCK) + 1);
  }

  has(pfn: number): boolean {
    if (pfn < 0 || pfn >= this.pages) return false;
    const at = Math.floor(pfn / 8);
    const piece = this.pieces.piece(Math.floor(at / Bitmap.PIECE));
    return piece !== undefined && (piece[at % Bitmap.PIECE]! & (1 << (pfn % 8))) !== 0;
  }

  /** Bits that are set before a page frame. */
  rank(pfn: number): number {
    const end = Math.min(Math.max(pfn, 0), this.pages);
    const block = Math.floor(end / PAGES_IN_BLOCK);
    this.countTo(block);
    const at = (block * BLOCK) % Bitmap.PIECE;
    const piece = this.pieces.piece(Math.floor((block * BLOCK) / Bitmap.PIECE));
    return this.before[block]! + (piece ? countBits(piece, at, end - block * PAGES_IN_BLOCK) : 0);
  }

  /** Bits that are set here and not in another bitmap of as many pages. */
  countWithout(other: Bitmap): number {
    if (other === this) return 0;
    let count = 0;
    for (let index = 0; index * Bitmap.PIECE * 8 < this.pages; index++) {
      const bits = Math.min(Bitmap.PIECE * 8, this.pages - index * Bitmap.PIECE * 8);
      const [piece, its] = [this.pieces.piece(index), other.pieces.piece(index)];
      if (piece) count += its ? countBits(bitsWithout(piece, its), 0, bits) : countBits(piece, 0, bits);
    }
    return count;
  }

  /** Runs of bits that are set, ascending. */
  *runs(): Generator<PageRun> {
    let startPfn = -1;
    for (let first = 0, block = 0; first < this.pages; first += PAGES_IN_BLOCK, block++) {
      this.countTo(block + 1);
      const count = Math.min(PAGES_IN_BLOCK, this.pages - first);
      const set = this.before[block + 1]! - this.before[block]!;
      // Most blocks are of one kind.
      const isWhole = set === 0 || set === count;
      const step = isWhole ? count : 1;
      for (let pfn = first; pfn < first + count; pfn += step) {
        const isSet = isWhole ? set > 0 : this.has(pfn);
        if (isSet === startPfn >= 0) continue;
        if (!isSet) yield { startPfn, endPfn: pfn };
        startPfn = isSet ? pfn : -1;
      }
    }
    if (startPfn >= 0) yield { startPfn, endPfn: this.pages };
  }

  /** Page frames whose bits are not there. */
  lost(): number {
    return this.pieces.lost() * 8;
  }

  private countTo(block: number): void {
    for (; this.counted < block; this.counted++) {
      const at = this.counted * BLOCK;
      const piece = this.pieces.piece(Math.floor(at / Bitmap.PIECE));
      const bits = Math.min(PAGES_IN_BLOCK, this.pages - this.counted * PAGES_IN_BLOCK);
      const inBlock = piece ? countBits(piece, at % Bitmap.PIECE, bits) : 0;
      this.before[this.counted + 1] = this.before[this.counted]! + inBlock;
    }
  }
}

/** Bits that are set among the first `bits` from a byte on, which is at a multiple of 4. */
function countBits(bytes: Buffer, start: number, bits: number): number {
  const words = new Int32Array(
    bytes.buffer,
    bytes.byteOffset + start,
    Math.min(bits >>> 5, (bytes.length - start) >>> 2),
  );
  let count = 0;
  for (const word of words) count += bitsOf(word);
  for (let bit = words.length * 32; bit < bits; bit += 8) {
    count += bitsOf(bytes[start + bit / 8]! & (bits - bit < 8 ? (1 << (bits - bit)) - 1 : 0xff));
  }
  return count;
}

/** The bits of a piece that another of the same length does not have. */
function bitsWithout(piece: Buffer, other: Buffer): Buffer {
  const only = Buffer.from(piece);
  const [words, its] = [only, other].map((bytes) => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2));
  for (let index = 0; index < words!.length; index++) words![index]! &= ~its![index]!;
  for (let at = only.length & ~3; at < only.length; at++) only[at]! &= ~other[at]!;
  return only;
}

/** Bits that are set in a word of 32: sums of neighbouring pairs, fours and bytes. */
function bitsOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
