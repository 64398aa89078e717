/** The bytes of an image file, in pieces: of a file as it lies there, or of a flattened one as if it were rearranged. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { imageBroken } from '../errors.ts';
import { bufferFor } from '../physicalMemory.ts';
import { findHolesOf } from './holes.ts';

/** Bytes read at a time: the system takes no more than 2 GiB. */
const PIECE = 1 << 30;
/** Bytes in what `blocks` of a file's status counts, whatever its file system has. Source: stat(2). */
const BLOCK = 512;

/** Some bytes of a file. */
export interface Extent {
  /** Bytes from the beginning of the file. */
  offset: number;
  /** Bytes. */
  length: number;
}

/** A file that is read at any offset. Offsets and lengths are in bytes. */
export interface FileBytes {
  readonly path: string;
  /** The offset behind the last byte that is there. */
  readonly size: number;
  readonly flattened: boolean;
  /** Bytes that take no place on the disk, and are zeros; ascending. Not all are known. */
  readonly holes: readonly Extent[];
  /** Sentences about what is wrong with it. */
  readonly problems: readonly string[];
  /** Fills `target` with the bytes at an offset. @returns false when any of them is not there. */
  readInto(target: Buffer, offset: number): boolean;
  /** What is there of a piece, by ascending offset. */
  extents(offset: number, length: number): Iterable<Extent>;
  close(): void;
}

/**
 * Bytes at an offset, or `undefined` when any of them is not there: nothing is allocated for what cannot be.
 * @param scratch as of `PhysicalMemory.read()`.
 */
export function readBytes(file: FileBytes, offset: number, length: number, scratch?: Buffer): Buffer | undefined {
  if (!(offset >= 0 && length >= 0 && offset + length <= file.size)) return undefined;
  const bytes = bufferFor(length, scratch);
  return file.readInto(bytes, offset) ? bytes : undefined;
}

/** Bytes at an offset, with zeros where some are not there; `undefined` when none is. @param length is allocated, so it is bounded. */
export function readWhatIsThere(file: FileBytes, offset: number, length: number): Buffer | undefined {
  let bytes: Buffer | undefined;
  for (const piece of file.extents(offset, length)) {
    bytes ??= Buffer.alloc(length);
    const from = piece.offset - offset;
    if (!file.readInto(bytes.subarray(from, from + piece.length), piece.offset)) return undefined;
  }
  return bytes;
}

/** A file as it lies there. */
export class PlainFile implements FileBytes {
  readonly size: number;
  readonly flattened = false;
  readonly problems: readonly string[] = [];
  private readonly descriptor: number;
  private readonly allocated: number;
  /** Found when first asked for. */
  private holesFound: readonly Extent[] | undefined;

  /** @throws MemoryError when it is no file, the system's error when it cannot be opened. */
  constructor(readonly path: string) {
    // A pipe would wait for somebody to write into it.
    if (!statSync(path).isFile()) throw imageBroken(path, 'it is a folder, a pipe or a device, not a file');
    this.descriptor = openSync(path, 'r');
    const { size, blocks } = fstatSync(this.descriptor);
    this.size = size;
    this.allocated = blocks * BLOCK;
  }

  get holes(): readonly Extent[] {
    this.holesFound ??= findHolesOf(this.path, this.size, this.allocated);
    return this.holesFound;
  }

  readInto(target: Buffer, offset: number): boolean {
    if (!(offset >= 0 && offset + target.length <= this.size)) return false;
    for (let done = 0; done < target.length;) {
      const read = readSync(this.descriptor, target, done, Math.min(PIECE, target.length - done), offset + done);
      if (read === 0) return false;
      done += read;
    }
    return true;
  }

  *extents(offset: number, length: number): Iterable<Extent> {
    const end = Math.min(offset + length, this.size);
    if (offset >= 0 && end > offset) yield { offset, length: end - offset };
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
