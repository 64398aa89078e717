/** The one seam through which all memory is read: guest RAM file, image file, overlay. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes in a page of i386. */
export const PAGE_SIZE = 4096;

/** Physical memory of a machine. Addresses and lengths are in bytes, addresses are physical. */
export interface PhysicalMemory {
  /** Number of bytes from physical 0 that the memory spans. */
  readonly size: number;
  /**
   * Reads up to `length` bytes at a physical address.
   * @returns the bytes, or `undefined` when any of them is not there.
   */
  read(address: number, length: number): Buffer | undefined;
}

/** The guest RAM file of a running QEMU (`memory-backend-file,share=on`): a read never stops the machine. */
export class GuestRamFile implements PhysicalMemory {
  readonly size: number;
  private readonly descriptor: number;

  /** @throws the system's error when the file cannot be opened. */
  constructor(path: string) {
    this.descriptor = openSync(path, 'r');
    this.size = fstatSync(this.descriptor).size;
  }

  read(address: number, length: number): Buffer | undefined {
    if (address < 0 || address + length > this.size) return undefined;
    const bytes = Buffer.allocUnsafe(length);
    return readSync(this.descriptor, bytes, 0, length, address) === length ? bytes : undefined;
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
