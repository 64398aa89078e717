/** Physical ranges that do not overlap, by ascending address, without an object for each. */
import type { MemoryRange } from './memoryImage.ts';
import { countUpTo } from './numberTable.ts';

/** A range as it is put in: [start, end), and the number of what it comes from. */
export interface TaggedRange {
  start: number;
  end: number;
  source: number;
}

export class RangeTable {
  private readonly starts: Float64Array;
  private readonly ends: Float64Array;
  private readonly sources: Uint32Array;
  readonly length: number;
  /** Bytes of all of them. */
  readonly bytes: number;

  /**
   * Of two ranges that overlap, the one that begins first keeps the bytes of both, of two that begin together the longer one.
   * @param onOverlap is told of each range that lost bytes, and to which source.
   */
  constructor(ranges: TaggedRange[], onOverlap?: (loser: TaggedRange, winner: number) => void) {
    ranges.sort((one, other) => one.start - other.start || other.end - one.end || one.source - other.source);
    this.starts = new Float64Array(ranges.length);
    this.ends = new Float64Array(ranges.length);
    this.sources = new Uint32Array(ranges.length);
    let [count, bytes, end] = [0, 0, 0];
    for (const range of ranges) {
      if (range.end <= range.start) continue;
      if (count > 0 && range.start < end) onOverlap?.(range, this.sources[count - 1]!);
      const start = Math.max(range.start, end);
      if (range.end <= start) continue;
      this.starts[count] = start;
      this.ends[count] = range.end;
      this.sources[count++] = range.source;
      bytes += range.end - start;
      end = range.end;
    }
    this.length = count;
    this.bytes = bytes;
  }

  start(index: number): number {
    return this.starts[index]!;
  }

  end(index: number): number {
    return this.ends[index]!;
  }

  source(index: number): number {
    return this.sources[index]!;
  }

  /** The first range that ends behind an address: the one that has it, or the one after it. */
  firstEndingBehind(address: number): number {
    return countUpTo(this.length, (index) => this.ends[index]!, address);
  }

  /** Whether every byte is in a range. */
  covers(address: number, length: number): boolean {
    let at = address;
    for (let index = this.firstEndingBehind(at); at < address + length; index++) {
      if (index >= this.length || this.starts[index]! > at) return false;
      at = this.ends[index]!;
    }
    return true;
  }

  /** How many bytes from an address on are in a range. */
  bytesIn(address: number, length: number): number {
    let bytes = 0;
    for (let index = this.firstEndingBehind(address); index < this.length; index++) {
      if (this.starts[index]! >= address + length) break;
      bytes += Math.min(address + length, this.ends[index]!) - Math.max(address, this.starts[index]!);
    }
    return bytes;
  }

  /** How many page frames have a byte in a range. */
  countPages(pageSize: number): number {
    let [count, behind] = [0, 0];
    for (let index = 0; index < this.length; index++) {
      const from = Math.max(behind, Math.floor(this.starts[index]! / pageSize));
      behind = Math.ceil(this.ends[index]! / pageSize);
      count += Math.max(0, behind - from);
    }
    return count;
  }

  /** All of them, those that touch as one. */
  *merged(): Generator<MemoryRange> {
    for (let index = 0; index < this.length;) {
      const address = this.starts[index]!;
      let end = this.ends[index++]!;
      while (index < this.length && this.starts[index] === end) end = this.ends[index++]!;
      yield { address, length: end - address };
    }
  }

  /** Calls back for each piece of a page frame of `pageSize` bytes that is covered, and for whole runs of page frames. */
  forPages(
    firstPfn: number,
    count: number,
    pageSize: number,
    whole: (from: number, to: number) => void,
    part: (pfn: number, bytes: number) => void,
  ): void {
    const [begin, behind] = [firstPfn * pageSize, (firstPfn + count) * pageSize];
    for (let index = this.firstEndingBehind(begin); index < this.length; index++) {
      const start = Math.max(begin, this.starts[index]!);
      const end = Math.min(behind, this.ends[index]!);
      if (start >= end) return;
      const from = Math.ceil(start / pageSize);
      const to = Math.floor(end / pageSize);
      if (from > to) {
        part(to, end - start);
        continue;
      }
      if (start % pageSize !== 0) part(from - 1, from * pageSize - start);
      if (to > from) whole(from, to);
      if (end % pageSize !== 0) part(to, end % pageSize);
    }
  }
}
