/**
 * One kdump-compressed file: which pages it has, and their bytes.
 * Source: makedumpfile diskdump_mod.h (struct page_desc) and IMPLEMENTATION; crash diskdump.c.
 */
import { kdumpBitmapLost, kdumpIncomplete, kdumpPagesLost } from '../../errors.ts';
import { readBytes, type FileBytes } from '../fileBytes.ts';
import { Bitmap } from './bitmap.ts';
import { decompressPage, methodName } from './compression.ts';
import { readKdumpHeader, type KdumpHeader } from './header.ts';
import { PageCache } from './pageCache.ts';
import { Pieces } from './pieces.ts';

/** struct page_desc: offset, bytes, flags, flags of the struct page. */
const DESCRIPTOR = 24;
const DESCRIPTORS_IN_PIECE = 512;
const PIECES_KEPT = 64;
/** 4 MiB of pages of 4 KiB. */
const PAGES_KEPT = 1024;
/** Status: the program that wrote the file was stopped before its end. */
const DUMP_DH_COMPRESSED_INCOMPLETE = 0x8;
/** Pieces of descriptors that are looked at from the end on, to find out whether pages are cut off. */
const LOOKED_AT_FROM_END = 16;

/** Where a page's bytes are in the file, and how they are compressed. */
interface PageDescriptor {
  offset: number;
  size: number;
  flags: number;
}

export class KdumpFile {
  readonly header: KdumpHeader;
  /** Page frames of which there is memory. */
  readonly memory: Bitmap;
  /** Page frames that were dumped. The same as `memory` where the file has one bitmap only. */
  readonly dumped: Bitmap;
  readonly startPfn: number;
  readonly endPfn: number;
  /** Sentences. One is added when a page turns out to be missing. */
  readonly problems: string[];
  private lacksPages = false;
  private readonly cache = new PageCache(PAGES_KEPT);
  private readonly descriptors: Pieces;
  private readonly pagesBefore: number;

  /** @throws MemoryError when the header cannot be true. */
  constructor(readonly file: FileBytes) {
    const header = readKdumpHeader(file);
    this.header = header;
    this.problems = [...file.problems, ...header.problems];
    const half = header.bitmaps.length / 2;
    this.memory = new Bitmap(file, header.bitmaps, header.maxMapnr);
    this.dumped = header.hasTwoBitmaps
      ? new Bitmap(file, { offset: header.bitmaps.offset + half, length: half }, header.maxMapnr)
      : this.memory;
    this.startPfn = header.split ? Math.min(header.split.startPfn, header.maxMapnr) : 0;
    this.endPfn = header.split ? Math.min(header.split.endPfn, header.maxMapnr) : header.maxMapnr;

    this.pagesBefore = this.dumped.rank(this.startPfn);
    const count = this.pagesInFile();
    const table = { offset: header.descriptors, length: count * DESCRIPTOR };
    this.descriptors = new Pieces(file, table, DESCRIPTORS_IN_PIECE * DESCRIPTOR, PIECES_KEPT);

    const lost = this.dumped.lost();
    const isIncomplete = (header.status & DUMP_DH_COMPRESSED_INCOMPLETE) !== 0;
    if (lost > 0) this.problems.push(kdumpBitmapLost(file.path, lost));
    if (isIncomplete) this.problems.push(kdumpIncomplete(file.path));
    this.lacksPages = lost > 0 || isIncomplete || file.problems.length > 0;
    if (this.descriptors.lost() > 0 || this.endIsCutOff(count)) this.onLostPage();
  }

  /** Whether pages may be missing that `dumped` has, so that descriptors have to be looked at. */
  get mayLackPages(): boolean {
    return this.lacksPages;
  }

  /** Pages that the bitmap says to be in this file. */
  pagesInFile(): number {
    return Math.max(0, this.dumped.rank(this.endPfn) - this.pagesBefore);
  }

  /** Whether the page frame's place is in this file of a set. */
  covers(pfn: number): boolean {
    return pfn >= this.startPfn && pfn < this.endPfn;
  }

  /** Whether the bytes of a dumped page frame are there; whether they decompress is not tried. */
  isThere(pfn: number): boolean {
    const descriptor = this.descriptor(this.dumped.rank(pfn) - this.pagesBefore);
    return descriptor !== undefined && this.couldBe(descriptor);
  }

  /** The bytes of a dumped page frame, which others share and nobody may change, or `undefined` when they are not there or damaged. */
  page(pfn: number): Buffer | undefined {
    const descriptor = this.descriptor(this.dumped.rank(pfn) - this.pagesBefore);
    if (!descriptor || !this.couldBe(descriptor)) {
      this.onLostPage();
      return undefined;
    }
    // By place, not by page frame: all pages of zeros have one place.
    const kept = this.cache.get(descriptor.offset);
    if (kept) return kept;
    const bytes = readBytes(this.file, descriptor.offset, descriptor.size);
    const page = bytes && decompressPage(bytes, descriptor.flags, this.header.blockSize);
    if (page) this.cache.add(descriptor.offset, page);
    return page;
  }

  /** Names of compressions that pages at the beginning, in the middle and at the end use. */
  methods(): string[] {
    const pieces = Math.ceil(this.pagesInFile() / DESCRIPTORS_IN_PIECE);
    const names = new Set<string>();
    for (const piece of new Set([0, 1, 2, 3].map((quarter) => Math.floor((pieces * quarter) / 4)).concat(pieces - 1))) {
      const bytes = this.descriptors.piece(piece);
      for (let at = 0; bytes && at < bytes.length; at += DESCRIPTOR) {
        const name = methodName(bytes.readUInt32LE(at + 12));
        if (name) names.add(name);
      }
    }
    return [...names];
  }

  /** One that is not there is `undefined`, or zeros where the dump was not finished. */
  private descriptor(index: number): PageDescriptor | undefined {
    const piece = Math.floor(index / DESCRIPTORS_IN_PIECE);
    const bytes = index < 0 ? undefined : this.descriptors.piece(piece);
    const at = (index % DESCRIPTORS_IN_PIECE) * DESCRIPTOR;
    if (!bytes || at + DESCRIPTOR > bytes.length) return undefined;
    return {
      offset: bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32,
      size: bytes.readUInt32LE(at + 8),
      flags: bytes.readUInt32LE(at + 12),
    };
  }

  private onLostPage(): void {
    const problem = kdumpPagesLost(this.file.path);
    if (!this.problems.includes(problem)) this.problems.push(problem);
    this.lacksPages = true;
  }

  private couldBe({ offset, size }: PageDescriptor): boolean {
    return offset > 0 && size > 0 && size <= this.header.blockSize && offset + size <= this.file.size;
  }

  /** Pages lie in the order of their descriptors, but for those of zeros, which share one near the beginning. */
  private endIsCutOff(count: number): boolean {
    const last = Math.ceil(count / DESCRIPTORS_IN_PIECE) - 1;
    for (let piece = last; piece >= 0 && piece > last - LOOKED_AT_FROM_END; piece--) {
      const end = Math.min(count, (piece + 1) * DESCRIPTORS_IN_PIECE);
      for (let index = piece * DESCRIPTORS_IN_PIECE; index < end; index++) {
        const descriptor = this.descriptor(index);
        if (!descriptor || !this.couldBe(descriptor)) return true;
      }
    }
    return false;
  }
}
