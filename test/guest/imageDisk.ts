/** Disks with saved images on them, changed from outside of the guest. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const SECTOR = 512;
/** Where the first partition begins: at 1 MiB, as everywhere. */
const FIRST_SECTOR = 2048;
/** More than the header of an image with thousands of PT_LOADs, in bytes. */
const HEADER = 1 << 18;

/**
 * Writes a partition table. Source: UEFI specification, "Legacy Master Boot Record".
 * @param sizes in MiB, one behind the other.
 * @returns where they begin, in bytes.
 */
export function writePartitions(disk: string, sizes: readonly number[]): number[] {
  const table = Buffer.alloc(SECTOR);
  const starts: number[] = [];
  let start = FIRST_SECTOR;
  for (const [index, size] of sizes.entries()) {
    const [at, sectors] = [446 + 16 * index, (size << 20) / SECTOR];
    table[at + 4] = 0x83;
    table.writeUInt32LE(start, at + 8);
    table.writeUInt32LE(sectors, at + 12);
    starts.push(start * SECTOR);
    start += sectors;
  }
  table.writeUInt16LE(0xaa55, 510);
  const file = openSync(disk, 'r+');
  writeSync(file, table, 0, SECTOR, 0);
  closeSync(file);
  return starts;
}

/** Fields of a PT_LOAD. Source: elf(5), Elf32_Phdr. */
interface Load {
  offset: number;
  address: number;
  file: number;
  memory: number;
}

export interface ImageHeader {
  bytes: Buffer;
  /** Offset of the resume note's descriptor. */
  note: number;
  loads: Load[];
}

/**
 * Changes the header of an image.
 * @param at where it begins on the disk.
 * @returns what puts it back.
 */
export function changeHeader(disk: string, at: number, change: (header: ImageHeader) => void): () => void {
  const file = openSync(disk, 'r+');
  const original = Buffer.alloc(HEADER);
  readSync(file, original, 0, HEADER, at);
  const bytes = Buffer.from(original);
  // The first program header is that of the notes.
  const programs = Array.from({ length: bytes.readUInt16LE(44) - 1 }, (_, index) => 52 + 32 * (index + 1));
  const loads = programs.map((program) => {
    const [offset, address, inFile, memory] = [4, 12, 16, 20].map((field) => bytes.readUInt32LE(program + field));
    return { offset: offset!, address: address!, file: inFile!, memory: memory! };
  });
  change({ bytes, note: bytes.indexOf('KEXECJUMP') + 12, loads });
  for (const [index, program] of programs.entries()) {
    const { offset, address, memory } = loads[index]!;
    bytes.writeUInt32LE(offset, program + 4);
    bytes.writeUInt32LE(address, program + 12);
    bytes.writeUInt32LE(memory, program + 20);
  }
  writeSync(file, bytes, 0, HEADER, at);
  return () => {
    writeSync(file, original, 0, HEADER, at);
    closeSync(file);
  };
}
