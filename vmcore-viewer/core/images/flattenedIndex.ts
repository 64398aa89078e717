/** Where in a flattened file the bytes of the rearranged one are. */
import { countUpTo, NumberTable } from './numberTable.ts';

/** Streams above this number are not looked for: programs that write such files go forward in two to six places. */
const MOST_STREAMS = 64;

/** Bytes that lie together. */
export interface FlattenedPiece {
  /** Where they are in the flattened file; `undefined` for bytes that no record has. */
  at: number | undefined;
  /** Bytes. */
  length: number;
}

/**
 * Records in the order of the file; where two have the same bytes, the later one counts. They are kept as a few streams, in each of
 * which the targets ascend without overlaps, so that nothing has to be sorted.
 */
export class FlattenedIndex {
  private readonly targets = new NumberTable();
  private readonly lengths = new NumberTable();
  private readonly places = new NumberTable();
  /** Numbers of records. */
  private readonly streams: { records: NumberTable; end: number }[] = [];
  /** The offset behind the last byte of the rearranged file. */
  size = 0;

  get records(): number {
    return this.targets.length;
  }

  /**
   * Adds the record that comes next in the file: `length` bytes, which lie at `place`, for offset `target`.
   * @returns false when the records go back and forth too often to be kept.
   */
  add(target: number, length: number, place: number): boolean {
    let stream: (typeof this.streams)[number] | undefined;
    for (const candidate of this.streams) {
      if (candidate.end <= target && (!stream || candidate.end > stream.end)) stream = candidate;
    }
    if (!stream) {
      if (this.streams.length === MOST_STREAMS) return false;
      stream = { records: new NumberTable(), end: 0 };
      this.streams.push(stream);
    }
    stream.records.push(this.records);
    stream.end = target + length;
    this.targets.push(target);
    this.lengths.push(length);
    this.places.push(place);
    this.size = Math.max(this.size, stream.end);
    return true;
  }

  /** What is at an offset of the rearranged file, as far as it lies together; at most `most` bytes. */
  pieceAt(offset: number, most: number): FlattenedPiece {
    let winner = -1;
    /** How many records of each stream begin up to `offset`. */
    const begun = this.streams.map(({ records }) =>
      countUpTo(records.length, (index) => this.targets.at(records.at(index)), offset),
    );
    this.streams.forEach(({ records }, stream) => {
      if (begun[stream] === 0) return;
      const record = records.at(begun[stream]! - 1);
      if (this.targets.at(record) + this.lengths.at(record) > offset && record > winner) winner = record;
    });
    let end = offset + most;
    if (winner >= 0) end = Math.min(end, this.targets.at(winner) + this.lengths.at(winner));
    // What comes later in the file than the winner takes the place of it from where it begins.
    this.streams.forEach(({ records }, stream) => {
      const later = countUpTo(records.length, (index) => records.at(index), winner);
      const next = Math.max(begun[stream]!, later);
      if (next < records.length) end = Math.min(end, this.targets.at(records.at(next)));
    });
    const at = winner < 0 ? undefined : this.places.at(winner) + offset - this.targets.at(winner);
    return { at, length: end - offset };
  }
}
