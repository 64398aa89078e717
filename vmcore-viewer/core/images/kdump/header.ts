/**
 * The headers of a kdump-compressed file.
 * Source: makedumpfile diskdump_mod.h (struct disk_dump_header, struct kdump_sub_header) and IMPLEMENTATION; QEMU
 * include/sysemu/dump.h (DiskDumpHeader32/64, KdumpSubHeader32/64).
 */
import { hex, imageBroken, kdumpSubHeaderLost, kdumpVersionUnknown } from '../../errors.ts';
import { readWhatIsThere, type Extent, type FileBytes } from '../fileBytes.ts';

const SIGNATURES = ['KDUMP   ', 'DISKDUMP'];
/** Bytes that are read of either header: the longest layout, which is shorter than the smallest block. */
const HEADER = 512;
/** new_utsname: six fields of 65 bytes behind signature and version. */
const UTSNAME = 12;
const UTSNAME_FIELD = 65;
const NEWEST_VERSION = 6;
/** 64 TiB of memory in pages of 4 KiB. More cannot be told from a header that is damaged. */
const MOST_PAGES = 2 ** 34;

/** Where fields are: the header's `status` and behind it, and the sub header. Numbers of `word` bytes where a C long is. */
interface Layout {
  name: '32-bit' | '64-bit';
  status: number;
  word: 4 | 8;
  /** Of a sub header: */
  dumpLevel: number;
  startPfn: number;
  vmcoreInfo: number;
  note: number;
  eraseInfo: number;
  startPfn64: number;
}

const LAYOUTS: readonly Layout[] = [
  {
    ...({ name: '64-bit', status: 424, word: 8, dumpLevel: 8, startPfn: 16 } as const),
    ...{ vmcoreInfo: 32, note: 48, eraseInfo: 64, startPfn64: 80 },
  },
  {
    ...({ name: '32-bit', status: 412, word: 4, dumpLevel: 4, startPfn: 12 } as const),
    ...{ vmcoreInfo: 20, note: 32, eraseInfo: 44, startPfn64: 56 },
  },
];

/** What the headers tell. Offsets and lengths are in bytes. */
export interface KdumpHeader {
  signature: string;
  version: number;
  layout: '32-bit' | '64-bit';
  /** utsname of the dumped kernel. */
  system: { nodeName: string; release: string; machine: string };
  status: number;
  /** Bytes in a block, which is a page. */
  blockSize: number;
  /** Page frames from 0 on that the bitmaps are about. */
  maxMapnr: number;
  /** Two bitmaps one behind the other; each has half of it, if there are two. */
  bitmaps: Extent;
  hasTwoBitmaps: boolean;
  /** Where the page descriptors begin. */
  descriptors: number;
  cpus: number;
  dumpLevel: number | undefined;
  /** Page frames that this file of a split set has: from the first to before the second. */
  split: { startPfn: number; endPfn: number } | undefined;
  physBase: bigint;
  vmcoreInfo: Extent | undefined;
  notes: Extent | undefined;
  eraseInfo: Extent | undefined;
  problems: string[];
}

/** Whether a file begins as a kdump-compressed file does. */
export function isKdump(head: Buffer): boolean {
  return SIGNATURES.includes(head.toString('latin1', 0, 8));
}

/** @throws MemoryError when neither layout gives numbers that can be true. */
export function readKdumpHeader(file: FileBytes): KdumpHeader {
  const header = readWhatIsThere(file, 0, HEADER);
  if (!header) throw imageBroken(file.path, 'its header is cut off');
  // The machine's name does not tell: qemu-system-i386 writes "i686" into the 64-bit layout.
  const reasons: string[] = [];
  const candidates = LAYOUTS.flatMap((layout) => {
    const read = readLayout(file, header, layout);
    if (typeof read !== 'string') return [read];
    reasons.push(`${read} in the ${layout.name} one`);
    return [];
  });
  const found = candidates.find(hasNoSpareBlocks) ?? candidates[0];
  if (found) return found;
  throw imageBroken(file.path, `no layout of its header has numbers that can be true: ${reasons.join(', ')}`);
}

/** Whether the bitmaps have as many blocks as they need and no more: so all known programs write them. */
function hasNoSpareBlocks({ maxMapnr, blockSize, bitmaps, hasTwoBitmaps }: KdumpHeader): boolean {
  return bitmaps.length === Math.ceil(maxMapnr / 8 / blockSize) * blockSize * (hasTwoBitmaps ? 2 : 1);
}

/** @returns the number that cannot be true if it is not of that layout. */
function readLayout(file: FileBytes, header: Buffer, layout: Layout): KdumpHeader | string {
  const field = (index: number): number => header.readUInt32LE(layout.status + index * 4);
  const [status, blockSize, subHeaderBlocks, bitmapBlocks] = [field(0), field(1), field(2), field(3)];
  const subHeaderAt = blockSize;
  const bitmapsAt = (1 + subHeaderBlocks) * blockSize;
  const bitmapBytes = bitmapBlocks * blockSize;
  const isBlockSize = blockSize >= 1024 && blockSize <= 1 << 20 && (blockSize & (blockSize - 1)) === 0;
  const isWrong = (name: string, index: number): string =>
    `${name} at ${hex(layout.status + index * 4)} is ${field(index)}`;
  if (!isBlockSize) return isWrong('block_size', 1);
  if (subHeaderBlocks > 1 << 16) return isWrong('sub_hdr_size', 2);
  if (bitmapBlocks === 0) return isWrong('bitmap_blocks', 3);

  const version = header.readInt32LE(8);
  const sub = version >= 1 && subHeaderBlocks > 0 ? readWhatIsThere(file, subHeaderAt, HEADER) : undefined;
  const numbers = sub && readSubHeader(sub, layout, version);
  const maxMapnr = numbers?.maxMapnr ?? field(4);
  const bytesOfOne = Math.ceil(maxMapnr / 8);
  if (maxMapnr === 0 || maxMapnr > MOST_PAGES || bytesOfOne > bitmapBytes) {
    return `${isWrong('bitmap_blocks', 3)} and max_mapnr ${maxMapnr}`;
  }

  const name = (index: number): string => {
    const at = UTSNAME + index * UTSNAME_FIELD;
    return header
      .toString('latin1', at, at + UTSNAME_FIELD)
      .split('\0', 1)[0]!
      .replace(/[^ -~]/g, '?');
  };
  const problems: string[] = [];
  if (version > NEWEST_VERSION || version < 0) {
    problems.push(kdumpVersionUnknown(file.path, version, NEWEST_VERSION));
  }
  if (version >= 1 && subHeaderBlocks > 0 && !sub) problems.push(kdumpSubHeaderLost(file.path));
  return {
    signature: header.toString('latin1', 0, 8).trimEnd(),
    ...{ version, status, blockSize, maxMapnr, problems },
    layout: layout.name,
    system: { nodeName: name(1), release: name(2), machine: name(4) },
    bitmaps: { offset: bitmapsAt, length: bitmapBytes },
    // As crash judges it: diskdump.c, dump_is_partial().
    hasTwoBitmaps: bitmapBlocks >= Math.ceil(bytesOfOne / blockSize) * 2,
    descriptors: bitmapsAt + bitmapBytes,
    cpus: field(9),
    dumpLevel: numbers?.dumpLevel,
    split: numbers?.split,
    physBase: numbers?.physBase ?? 0n,
    vmcoreInfo: numbers?.vmcoreInfo,
    notes: numbers?.notes,
    eraseInfo: numbers?.eraseInfo,
  };
}

type SubHeader = Pick<KdumpHeader, 'dumpLevel' | 'split' | 'physBase' | 'vmcoreInfo' | 'notes' | 'eraseInfo'> & {
  maxMapnr: number | undefined;
};

/** A sub header; what its version does not have is `undefined`. */
function readSubHeader(sub: Buffer, layout: Layout, version: number): SubHeader {
  const wide = (at: number): number => Number(sub.readBigUInt64LE(at));
  const word = (at: number): number => (layout.word === 8 ? wide(at) : sub.readUInt32LE(at));
  const extent = (since: number, at: number): Extent | undefined => {
    const found = { offset: wide(at), length: word(at + 8) };
    return version >= since && found.offset > 0 && found.length > 0 ? found : undefined;
  };
  const isWide = version >= 6;
  const at = layout.startPfn64;
  const isSplit = version >= 2 && sub.readInt32LE(layout.dumpLevel + 4) !== 0;
  const startPfn = isWide ? wide(at) : word(layout.startPfn);
  const endPfn = isWide ? wide(at + 8) : word(layout.startPfn + layout.word);
  return {
    physBase: layout.word === 8 ? sub.readBigUInt64LE(0) : BigInt(sub.readUInt32LE(0)),
    dumpLevel: version >= 1 ? sub.readInt32LE(layout.dumpLevel) : undefined,
    split: isSplit ? { startPfn, endPfn } : undefined,
    vmcoreInfo: extent(3, layout.vmcoreInfo),
    notes: extent(4, layout.note),
    eraseInfo: extent(5, layout.eraseInfo),
    maxMapnr: isWide && wide(at + 16) > 0 ? wide(at + 16) : undefined,
  };
}
