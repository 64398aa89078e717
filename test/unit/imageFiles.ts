/** Writes small memory images for tests, by the same sources that the readers name. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import type { MemoryImage } from '../../vmcore-viewer/core/images/memoryImage.ts';

export const PAGE = 4096;
export const METHOD_FLAGS = { none: 0, zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 } as const;

/** Writes files into a folder of their own, opens them as one image, and gives it to `look`; all is removed again. */
export function withImage<Result>(files: readonly Buffer[], look: (image: MemoryImage) => Result): Result {
  return withPaths(files, (paths) => {
    const image = openImage(paths);
    try {
      return look(image);
    } finally {
      image.close();
    }
  });
}

/** The same, without opening them. */
export function withPaths<Result>(files: readonly Buffer[], look: (paths: string[]) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), 'image-test-'));
  try {
    const paths = files.map((bytes, index) => {
      const path = join(folder, `file-${index}`);
      writeFileSync(path, bytes);
      return path;
    });
    return look(paths);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A page whose content tells its number. */
export function pageOf(pfn: number): Buffer {
  return Buffer.alloc(PAGE, `page frame ${pfn}, `);
}

/** A write into a file: records of a flattened one. */
export interface Piece {
  offset: number;
  bytes: Buffer;
}

export function flatten(pieces: readonly Piece[], hasEndMark = true): Buffer {
  const header = Buffer.alloc(PAGE);
  header.write('makedumpfile');
  header.writeBigInt64BE(1n, 16);
  header.writeBigInt64BE(1n, 24);
  const recordHeader = (offset: number, length: number): Buffer => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigInt64BE(BigInt(offset), 0);
    bytes.writeBigInt64BE(BigInt(length), 8);
    return bytes;
  };
  const records = pieces.flatMap(({ offset, bytes }) => [recordHeader(offset, bytes.length), bytes]);
  return Buffer.concat([header, ...records, ...(hasEndMark ? [recordHeader(-1, -1)] : [])]);
}

/** The pieces of some length that a file is made of. */
export function piecesOf(file: Buffer, length: number): Piece[] {
  const pieces: Piece[] = [];
  for (let offset = 0; offset < file.length; offset += length) {
    pieces.push({ offset, bytes: file.subarray(offset, offset + length) });
  }
  return pieces;
}

export function note(name: string, type: number, descriptor: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(name.length + 1, 0);
  header.writeUInt32LE(descriptor.length, 4);
  header.writeUInt32LE(type, 8);
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  return Buffer.concat([header, padded(Buffer.from(`${name}\0`)), padded(descriptor)]);
}

/** The descriptor of a resume note as kernel B writes it. @param changes the window: of the low window unless told. */
export function resumable(
  changes: { version?: number; entry?: bigint; window?: readonly [bigint, bigint] } = {},
): Buffer {
  const bytes = Buffer.alloc(136);
  bytes.writeUInt32LE(changes.version ?? 1, 0);
  bytes.writeUInt32LE(136, 4);
  const [first, last] = changes.window ?? [0x100000n, 0x1ffffffn];
  [changes.entry ?? 0x28000d7n, first, last, 0xffda000n].forEach((value, index) =>
    bytes.writeBigUInt64LE(value, 8 + index * 8),
  );
  bytes.write('6.1.192-kexec-jump', 40);
  bytes.writeUInt32LE(20, 112);
  bytes.fill(0xab, 116, 136);
  return bytes;
}

export interface Load {
  physical: number | bigint;
  bytes: Buffer;
  /** Default: as many as `bytes` has. */
  memorySize?: number;
  virtual?: bigint;
}

export interface ElfContent {
  bits: 32 | 64;
  machine?: number;
  type?: number;
  entry?: number;
  loads: readonly Load[];
  notes?: readonly Buffer[];
  /** Whether section header 0 has the number of program headers. */
  extendedCount?: boolean;
  /** QEMU writes 8 here. */
  headerSize?: number;
}

export function writeElf(content: ElfContent): Buffer {
  const { bits, loads, notes = [] } = content;
  const is64 = bits === 64;
  const [headerSize, programSize, sectionSize] = is64 ? [64, 56, 64] : [52, 32, 40];
  const header = Buffer.alloc(headerSize + sectionSize);
  const long = (bytes: Buffer, at: number, value: number | bigint): void => {
    if (is64) bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at);
    else bytes.writeUInt32LE(Number(BigInt.asUintN(32, BigInt(value))), at);
  };
  const count = loads.length + 1;
  header.write(`\x7fELF${is64 ? '\x02' : '\x01'}\x01\x01`, 'latin1');
  header.writeUInt16LE(content.type ?? 4, 16);
  header.writeUInt16LE(content.machine ?? 3, 18);
  long(header, 24, content.entry ?? 0);
  long(header, is64 ? 32 : 28, header.length);
  long(header, is64 ? 40 : 32, headerSize);
  header.writeUInt16LE(content.headerSize ?? headerSize, is64 ? 52 : 40);
  header.writeUInt16LE(programSize, is64 ? 54 : 42);
  header.writeUInt16LE(content.extendedCount ? 0xffff : count, is64 ? 56 : 44);
  header.writeUInt32LE(count, headerSize + (is64 ? 44 : 28));

  const noteBytes = Buffer.concat(notes);
  let offset = header.length + count * programSize;
  const program = (type: number, load: Load): Buffer => {
    const bytes = Buffer.alloc(programSize);
    const { physical, memorySize = load.bytes.length, virtual = 0n } = load;
    bytes.writeUInt32LE(type, 0);
    const fields = [offset, virtual, physical, load.bytes.length, memorySize];
    fields.forEach((value, index) => {
      long(bytes, is64 ? 8 + index * 8 : 4 + index * 4, value);
    });
    offset += load.bytes.length;
    return bytes;
  };
  const programs = [program(4, { physical: 0, bytes: noteBytes }), ...loads.map((load) => program(1, load))];
  return Buffer.concat([header, ...programs, noteBytes, ...loads.map(({ bytes }) => bytes)]);
}

/**
 * The beginning of a core that takes long to read and little room: each of its PT_LOAD has the same bytes of the file.
 * @param length of each PT_LOAD; the file is to be made so long, and as much longer as the headers are.
 */
export function writeRepeatingElf(loads: number, length: number): Buffer {
  const [headerSize, programSize] = [64, 56];
  const bytes = Buffer.alloc(headerSize + loads * programSize);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  [4, 3].forEach((value, index) => bytes.writeUInt16LE(value, 16 + index * 2));
  bytes.writeBigUInt64LE(BigInt(headerSize), 32);
  [headerSize, programSize, loads].forEach((value, index) => bytes.writeUInt16LE(value, 52 + index * 2));
  for (let load = 0; load < loads; load++) {
    const at = headerSize + load * programSize;
    bytes.writeUInt32LE(1, at);
    const numbers = [bytes.length, 0, load * length, length, length];
    numbers.forEach((value, field) => bytes.writeBigUInt64LE(BigInt(value), at + 8 + field * 8));
  }
  return bytes;
}

export interface KdumpContent {
  layout: 32 | 64;
  version?: number;
  maxMapnr: number;
  /** Page frames of which there is memory, besides those that are dumped. */
  leftOut?: readonly number[];
  /** By page frame: the bytes in the file and how they are compressed; `undefined` when the descriptor was not written. */
  pages: ReadonlyMap<number, { bytes: Buffer; method: keyof typeof METHOD_FLAGS } | undefined>;
  /** Page frames that are in this file; the bitmaps are of all. */
  split?: { startPfn: number; endPfn: number };
  status?: number;
  dumpLevel?: number;
  vmcoreInfo?: string;
  notes?: readonly Buffer[];
  machine?: string;
  signature?: string;
}

export function writeKdump(content: KdumpContent): Buffer {
  const { layout, version = 6, maxMapnr, leftOut = [], pages, split } = content;
  const is64 = layout === 64;
  const subHeaderBlocks = 2;
  const bitmapBlocks = Math.ceil(maxMapnr / 8 / PAGE) * 2;
  const header = Buffer.alloc(PAGE);
  header.write(content.signature ?? 'KDUMP   ');
  header.writeInt32LE(version, 8);
  ['Linux', 'host', '6.1.0-test', '#1', content.machine ?? 'i686'].forEach((text, field) =>
    header.write(text, 12 + field * 65),
  );
  const fields = [content.status ?? 1, PAGE, subHeaderBlocks, bitmapBlocks, maxMapnr, 0, 0, 0, 0, 1];
  fields.forEach((value, field) => header.writeUInt32LE(value, (is64 ? 424 : 412) + field * 4));

  const sub = Buffer.alloc(PAGE * subHeaderBlocks);
  const vmcoreInfo = Buffer.from(content.vmcoreInfo ?? '');
  const notes = Buffer.concat(content.notes ?? []);
  let at = 0;
  const number = (value: number, bytes: 4 | 8): void => {
    if (bytes === 8) sub.writeBigInt64LE(BigInt(value), at);
    else sub.writeInt32LE(value, at);
    at += bytes;
  };
  const long = is64 ? 8 : 4;
  number(0, long);
  number(content.dumpLevel ?? 0, 4);
  number(split ? 1 : 0, 4);
  const [startPfn, endPfn] = [split?.startPfn ?? 0, split?.endPfn ?? 0];
  number(startPfn, long);
  number(endPfn, long);
  const place = (bytes: Buffer, offset: number): void => {
    number(bytes.length > 0 ? offset : 0, 8);
    number(bytes.length, long);
    bytes.copy(sub, offset - PAGE);
  };
  place(vmcoreInfo, PAGE + 1024);
  place(notes, PAGE + 1024 + vmcoreInfo.length);
  place(Buffer.alloc(0), PAGE);
  for (const value of [startPfn, endPfn, maxMapnr]) number(version >= 6 ? value : 0, 8);

  const bitmaps = Buffer.alloc(bitmapBlocks * PAGE);
  const set = (pfn: number, bitmap: number): void => {
    const byte = (bitmap * bitmaps.length) / 2 + (pfn >> 3);
    bitmaps[byte]! |= 1 << (pfn & 7);
  };
  for (const pfn of [...leftOut, ...pages.keys()]) set(pfn, 0);
  const own = [...pages]
    .sort(([one], [other]) => one - other)
    .filter(([pfn]) => {
      set(pfn, 1);
      return !split || (pfn >= split.startPfn && pfn < split.endPfn);
    });

  const descriptors = Buffer.alloc(own.length * 24);
  let offset = header.length + sub.length + bitmaps.length + descriptors.length;
  own.forEach(([, page], index) => {
    if (!page) return;
    descriptors.writeBigUInt64LE(BigInt(offset), index * 24);
    descriptors.writeUInt32LE(page.bytes.length, index * 24 + 8);
    descriptors.writeUInt32LE(METHOD_FLAGS[page.method], index * 24 + 12);
    offset += page.bytes.length;
  });
  return Buffer.concat([header, sub, bitmaps, descriptors, ...own.flatMap(([, page]) => page?.bytes ?? [])]);
}
