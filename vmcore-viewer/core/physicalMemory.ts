/** The one seam through which all memory is read: guest RAM file, image file, overlay. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes in a page of i386. */
export const PAGE_SIZE = 4096;

/** Physical memory of a machine. Addresses and lengths are in bytes, addresses are physical. */
export interface PhysicalMemory {
  /** Number of bytes from physical 0 that the memory spans. */
  readonly size: number;
  /**
   * Reads `length` bytes at a physical address.
   * @param scratch may be used for the bytes: who reads a large memory piece by piece needs no new memory for each.
   * @returns the bytes, or `undefined` when any of them is not there.
   */
  read(address: number, length: number, scratch?: Buffer): Buffer | undefined;
}

/** Memory for that many bytes: of the scratch if it is large enough. What it holds is not cleared. */
export const bufferFor = (length: number, scratch: Buffer | undefined): Buffer =>
  scratch && scratch.length >= length ? scratch.subarray(0, length) : Buffer.allocUnsafe(length);

const GIB = 2 ** 30;
const FOUR_GIB = 4 * GIB;

/** Bytes of a PC's RAM that begin at physical 0; the rest begins at 4 GiB. Source: QEMU, hw/i386/pc_piix.c, pc_init1(). */
const belowTheHole = (bytes: number): number => (bytes >= 3.5 * GIB ? 3 * GIB : bytes);

/** Behind the last byte of a PC's RAM: where there is more than fits below the hole, the rest is above 4 GiB. */
export function endOfRam(bytes: number): number {
  const below = belowTheHole(bytes);
  return bytes > below ? FOUR_GIB + bytes - below : bytes;
}

/** Bytes of RAM of a PC whose RAM ends there. */
export const ramThatEndsAt = (end: number): number => (end > FOUR_GIB ? end - FOUR_GIB + 3 * GIB : end);

/** The guest RAM file of a running QEMU (`memory-backend-file,share=on`): a read never stops the machine. */
export class GuestRamFile implements PhysicalMemory {
  readonly size: number;
  private readonly descriptor: number;
  private readonly below4GiB: number;

  /**
   * @param below4GiB bytes of it that begin at physical 0, of a machine that was told so (max-ram-below-4g).
   * @throws the system's error when the file cannot be opened.
   */
  constructor(
    readonly path: string,
    below4GiB?: number,
  ) {
    this.descriptor = openSync(path, 'r');
    const bytes = fstatSync(this.descriptor).size;
    this.below4GiB = Math.min(below4GiB ?? belowTheHole(bytes), bytes);
    this.size = bytes > this.below4GiB ? FOUR_GIB + bytes - this.below4GiB : bytes;
  }

  read(address: number, length: number, scratch?: Buffer): Buffer | undefined {
    if (address < 0 || address + length > this.size) return undefined;
    if (address < FOUR_GIB && address + length > this.below4GiB) return undefined;
    const offset = address < FOUR_GIB ? address : address - FOUR_GIB + this.below4GiB;
    const bytes = bufferFor(length, scratch);
    return readSync(this.descriptor, bytes, 0, length, offset) === length ? bytes : undefined;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** Reads one little-endian 32-bit word, or `undefined` when it is not there. */
export function readWord(memory: PhysicalMemory, address: number): number | undefined {
  return memory.read(address, 4)?.readUInt32LE(0);
}

/** Reads across page borders where neighbouring pages come from different places; `read` gets pieces within a page. */
export function readByPages(
  address: number,
  length: number,
  read: (address: number, length: number) => Buffer | undefined,
): Buffer | undefined {
  const pieces: Buffer[] = [];
  for (let done = 0; done < length;) {
    const piece = Math.min(length - done, PAGE_SIZE - ((address + done) % PAGE_SIZE));
    const bytes = read(address + done, piece);
    if (!bytes) return undefined;
    pieces.push(bytes);
    done += piece;
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}
