/** A table of a file that is read, and kept for a while, in pieces. */
import { readWhatIsThere, type Extent, type FileBytes } from '../fileBytes.ts';

/** Bytes of a table in pieces of one size, of which the last ones used are kept. */
export class Pieces {
  /** The piece that was asked for last: most often it is the same again. */
  private lastIndex = -1;
  private lastPiece: Buffer | undefined;
  private readonly kept = new Map<number, Buffer | undefined>();

  /**
   * @param table where it is; the last piece may be shorter.
   * @param pieceSize bytes.
   * @param most pieces that are kept.
   */
  constructor(
    private readonly file: FileBytes,
    readonly table: Extent,
    readonly pieceSize: number,
    private readonly most: number,
  ) {}

  /** Bytes of the table that are not there. */
  lost(): number {
    let lost = this.table.length;
    for (const { length } of this.file.extents(this.table.offset, this.table.length)) lost -= length;
    return lost;
  }

  /** A piece by its number, with zeros where bytes are not there; `undefined` when none is. */
  piece(index: number): Buffer | undefined {
    if (index !== this.lastIndex) {
      this.lastPiece = this.find(index);
      this.lastIndex = index;
    }
    return this.lastPiece;
  }

  private find(index: number): Buffer | undefined {
    if (this.kept.has(index)) return this.kept.get(index);
    const start = index * this.pieceSize;
    const length = Math.min(this.pieceSize, this.table.length - start);
    const bytes = length > 0 ? readWhatIsThere(this.file, this.table.offset + start, length) : undefined;
    // A Map goes through its keys in the order in which they were set: the first one was read longest ago.
    if (this.kept.size >= this.most) this.kept.delete(this.kept.keys().next().value!);
    this.kept.set(index, bytes);
    return bytes;
  }
}
