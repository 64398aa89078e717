/**
 * Files of `makedumpfile -F`, and of QEMU's kdump formats: written to a pipe, so each piece says where it belongs.
 * Source: makedumpfile.h, struct makedumpfile_header, struct makedumpfile_data_header; QEMU include/sysemu/dump.h.
 */
import { flattenedCutOff, flattenedRecordWrong, flattenedTooScattered } from '../errors.ts';
import { readBytes, type Extent, type FileBytes } from './fileBytes.ts';
import { FlattenedIndex } from './flattenedIndex.ts';
import { countUpTo, NumberTable } from './numberTable.ts';

const SIGNATURE = 'makedumpfile\0\0\0\0';
const TYPE_FLAT_HEADER = 1n;
const VERSION_FLAT_HEADER = 1n;
/** MAX_SIZE_MDF_HEADER: records begin behind it. */
const HEADER = 4096;
/** Two big-endian numbers of 64 bits: offset and bytes. */
const RECORD_HEADER = 16;
const END_MARK = 0xffffffffffffffffn;
/** Records above this number are not indexed: an index of them takes about half a gigabyte. Of 16 KiB each they are 256 GiB. */
const MOST_RECORDS = 1 << 24;

/** Runs of bytes that records have: where each begins and ends, ascending. */
interface Covered {
  starts: NumberTable;
  ends: NumberTable;
}

/** Whether a file is flattened. @param head its first 32 bytes, or less if it has less. */
export function isFlattened(head: Buffer): boolean {
  return (
    head.length >= 32 &&
    head.toString('latin1', 0, SIGNATURE.length) === SIGNATURE &&
    head.readBigInt64BE(16) === TYPE_FLAT_HEADER &&
    head.readBigInt64BE(24) === VERSION_FLAT_HEADER
  );
}

/**
 * A flattened file as if it were rearranged. Its index is made by going over the headers of its records only. Bytes that no record has
 * are zero, as in a rearranged file; but not there, when the file was cut off.
 */
export class FlattenedFile implements FileBytes {
  readonly path: string;
  readonly size: number;
  readonly flattened = true;
  readonly holes = [];
  readonly problems: readonly string[];
  private readonly index = new FlattenedIndex();
  private readonly complete: boolean;
  /** Found when first asked for, if the file was cut off. */
  private covered: Covered | undefined;

  /** @param file what the records are in; it is closed with this. */
  constructor(private readonly file: FileBytes) {
    this.path = file.path;
    const problem = this.readRecords();
    this.problems = problem === undefined ? [] : [problem];
    this.complete = problem === undefined;
    this.size = this.index.size;
  }

  readInto(target: Buffer, offset: number): boolean {
    if (!(offset >= 0 && offset + target.length <= this.size)) return false;
    for (let done = 0; done < target.length;) {
      const { at, length } = this.index.pieceAt(offset + done, target.length - done);
      const piece = target.subarray(done, done + length);
      if (at !== undefined) {
        if (!this.file.readInto(piece, at)) return false;
      } else if (this.complete) piece.fill(0);
      else return false;
      done += length;
    }
    return true;
  }

  *extents(offset: number, length: number): Iterable<Extent> {
    const end = Math.min(offset + length, this.size);
    if (!(offset >= 0 && end > offset)) return;
    if (this.complete) {
      yield { offset, length: end - offset };
      return;
    }
    this.covered ??= this.findCovered();
    const { starts, ends } = this.covered;
    for (let index = countUpTo(ends.length, (at) => ends.at(at), offset); index < starts.length; index++) {
      const from = Math.max(offset, starts.at(index));
      if (from >= end) return;
      yield { offset: from, length: Math.min(end, ends.at(index)) - from };
    }
  }

  close(): void {
    this.file.close();
  }

  private findCovered(): Covered {
    const covered = { starts: new NumberTable(), ends: new NumberTable() };
    let start = 0;
    for (let at = 0; at < this.size;) {
      const piece = this.index.pieceAt(at, this.size - at);
      if (piece.at === undefined) {
        if (at > start) {
          covered.starts.push(start);
          covered.ends.push(at);
        }
        start = at + piece.length;
      }
      at += piece.length;
    }
    covered.starts.push(start);
    covered.ends.push(this.size);
    return covered;
  }

  /** @returns what is wrong with the records, if anything is: they count up to there. */
  private readRecords(): string | undefined {
    const header = Buffer.alloc(RECORD_HEADER);
    for (let at = HEADER; ;) {
      if (!this.file.readInto(header, at)) return flattenedCutOff(this.path, this.file.size);
      const target = header.readBigUInt64BE(0);
      const length = Number(header.readBigUInt64BE(8));
      if (target === END_MARK) return undefined;
      if (length === 0 || !Number.isSafeInteger(Number(target) + length)) return flattenedRecordWrong(this.path, at);
      const there = Math.min(length, this.file.size - at - RECORD_HEADER);
      if (this.index.records === MOST_RECORDS) return flattenedTooScattered(this.path, at);
      if (there > 0 && !this.index.add(Number(target), there, at + RECORD_HEADER)) {
        return flattenedTooScattered(this.path, at);
      }
      at += RECORD_HEADER + length;
    }
  }
}

/** The rearranged view of a file that is flattened, any other file as it is. */
export function openFlattened(file: FileBytes): FileBytes {
  const head = readBytes(file, 0, Math.min(32, file.size));
  return head && isFlattened(head) ? new FlattenedFile(file) : file;
}
