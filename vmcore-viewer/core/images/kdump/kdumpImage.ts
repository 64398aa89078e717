/** kdump-compressed files as a memory image: one, or a set that `makedumpfile --split` wrote. */
import { kdumpMorePagesUnreadable, kdumpPageUnreadable, kdumpPartsMissing } from '../../errors.ts';
import { kdumpExtentLost, kdumpTooManyRanges, notOneSet } from '../../errors.ts';
import { bufferFor } from '../../physicalMemory.ts';
import { decodeNotes, LONGEST_NOTES, VMCOREINFO_NOTE } from '../elfNotes.ts';
import { readBytes, type Extent, type FileBytes } from '../fileBytes.ts';
import { bytesText, factsOfNotes } from '../imageText.ts';
import { PRESENCE, type ImageFact, type ImageNote, type Presence } from '../memoryImage.ts';
import type { MemoryImage, MemoryRange, MemoryRegion, PresenceCount } from '../memoryImage.ts';
import type { PageRun } from './bitmap.ts';
import { KdumpFile } from './kdumpFile.ts';

/** Ranges of memory that are listed; real machines have some dozen. */
const MOST_REGIONS = 1 << 16;
const LONGEST_VMCOREINFO = 1 << 20;
/** Bytes that are checked, rather than allocated at once and then given up. */
const CHECKED_FROM = 1 << 20;
/** Pages that do not decompress are told one by one up to this number. */
const MOST_UNREADABLE = 10_000;
const MOST_TOLD = 20;

/** Bits of a dump level from 2 on; source: makedumpfile.h, DL_EXCLUDE_*. */
const LEVELS = ['page cache without private data', 'page cache with private data', 'user', 'free'];
/** Pages of zeros, which are in the file all the same: they share one descriptor's bytes. */
const DL_EXCLUDE_ZERO = 1;

export class KdumpImage implements MemoryImage {
  readonly paths: readonly string[];
  readonly container = 'kdump';
  readonly bits: 32 | 64;
  readonly flattened: boolean;
  readonly format: string;
  readonly machine: string;
  readonly pageSize: number;
  readonly size: number;
  readonly notes: readonly ImageNote[];
  readonly vmcoreInfo: Buffer | undefined;
  readonly entry = undefined;
  readonly dumpLevel: number | undefined;
  /** By ascending `startPfn`. */
  private readonly files: readonly KdumpFile[];
  private readonly first: KdumpFile;
  private readonly unreadable = new Set<number>();
  private readonly isWholeSet: boolean;
  private readonly setProblems: string[] = [];
  /** Parts of the file other than pages that should be there. */
  private lostParts = 0;
  private readonly foundProblems: string[] = [];
  private regionList: MemoryRegion[] | undefined;

  /**
   * @param files all of one dump, in any order; they are closed with this.
   * @throws MemoryError when a header cannot be true, or when they are not of one dump.
   */
  constructor(files: readonly FileBytes[]) {
    const parts = files.map((file) => new KdumpFile(file));
    this.files = [...parts].sort((one, other) => one.startPfn - other.startPfn);
    this.first = this.files[0]!;
    checkOneSet(this.files);
    const { header, file } = this.first;
    this.paths = this.files.map((part) => part.file.path);
    this.bits = header.layout === '64-bit' ? 64 : 32;
    this.flattened = file.flattened;
    this.machine = /^i[3-6]86$/.test(header.system.machine) ? 'i386' : header.system.machine || 'unknown';
    this.pageSize = header.blockSize;
    this.size = header.maxMapnr * header.blockSize;
    this.dumpLevel = header.dumpLevel;
    const missing = this.missingParts();
    this.isWholeSet = missing.length === 0;
    if (!this.isWholeSet) this.setProblems.push(kdumpPartsMissing(missing));

    this.notes = decodeNotes(this.readExtent('notes', header.notes, LONGEST_NOTES) ?? Buffer.alloc(0));
    this.vmcoreInfo =
      this.readExtent('VMCOREINFO', header.vmcoreInfo, LONGEST_VMCOREINFO) ??
      this.notes.find(({ name }) => name === VMCOREINFO_NOTE)?.descriptor;
    const methods = [...new Set(this.files.flatMap((part) => part.methods()))].sort();
    this.format = [
      `${header.signature === 'KDUMP' ? 'kdump-compressed' : 'diskdump'} version ${header.version}`,
      ...(file.flattened ? ['flattened'] : []),
      ...(header.split ? ['split'] : []),
      ...(methods.length > 0 ? methods : ['uncompressed']),
    ].join(', ');
  }

  get facts(): readonly ImageFact[] {
    const { header, memory, dumped } = this.first;
    const pages = memory.rank(header.maxMapnr);
    const kept = dumped.rank(header.maxMapnr);
    const { release, nodeName, machine } = header.system;
    return [
      { label: 'Format', value: `${this.format}, ${header.layout} header` },
      { label: 'Machine', value: machine || 'not told' },
      ...(release ? [{ label: 'Kernel', value: nodeName ? `${release} on ${nodeName}` : release }] : []),
      ...(header.cpus > 0 ? [{ label: 'CPUs', value: String(header.cpus) }] : []),
      { label: 'Memory', value: `${bytesText(pages * this.pageSize)}, up to ${bytesText(this.size)}` },
      { label: 'Dumped', value: `${bytesText(kept * this.pageSize)} (${kept} pages)` },
      ...(pages > kept ? [{ label: 'Left out', value: bytesText((pages - kept) * this.pageSize) }] : []),
      { label: 'Dump level', value: levelText(header.dumpLevel) },
      ...(header.physBase === 0n ? [] : [{ label: 'phys_base', value: `0x${header.physBase.toString(16)}` }]),
      ...(header.eraseInfo ? [{ label: 'Erased', value: 'symbols were erased (--config)' }] : []),
      ...(header.split ? [{ label: 'Parts', value: `${this.files.length} of a split set` }] : []),
      ...factsOfNotes(this.notes, this.vmcoreInfo),
    ];
  }

  get problems(): readonly string[] {
    const more = this.unreadable.size - this.foundProblems.length;
    const rest = more > 0 ? [kdumpMorePagesUnreadable(this.first.file.path, more)] : [];
    return [...this.files.flatMap(({ problems }) => problems), ...this.setProblems, ...this.foundProblems, ...rest];
  }

  /** Runs of the bitmap of memory. */
  get regions(): readonly MemoryRegion[] {
    this.regionList ??= this.listRegions();
    return this.regionList;
  }

  read(address: number, length: number, scratch?: Buffer): Buffer | undefined {
    if (!(address >= 0 && length >= 0 && address + length <= this.size)) return undefined;
    const { pageSize } = this;
    const inPage = address % pageSize;
    if (inPage + length <= pageSize) {
      const page = this.page((address - inPage) / pageSize);
      if (!page) return undefined;
      // A copy: the caller may change it.
      const bytes = bufferFor(length, scratch);
      page.copy(bytes, 0, inPage, inPage + length);
      return bytes;
    }
    if (length >= CHECKED_FROM && !this.hasPages(address, length)) return undefined;
    const bytes = bufferFor(length, scratch);
    for (let done = 0; done < length;) {
      const from = (address + done) % pageSize;
      const page = this.page((address + done - from) / pageSize);
      if (!page) return undefined;
      done += page.copy(bytes, done, from, Math.min(pageSize, from + length - done));
    }
    return bytes;
  }

  presence(firstPfn: number, count: number): Uint8Array {
    const pages = new Uint8Array(count);
    for (let index = 0; index < count; index++) pages[index] = this.presenceOf(firstPfn + index);
    return pages;
  }

  get complete(): boolean {
    return this.hasAllPages() && this.lostParts === 0;
  }

  countPresence(): PresenceCount {
    const { first } = this;
    const pages = first.header.maxMapnr;
    const dumped = first.dumped.rank(pages);
    const filtered = first.memory.countWithout(first.dumped);
    let present = dumped;
    if (!this.hasAllPages()) {
      present = 0;
      for (const { length } of this.presentRanges()) present += length / this.pageSize;
    }
    return { absent: pages - dumped - filtered, present, filtered, unreadable: dumped - present };
  }

  *presentRanges(): Iterable<MemoryRange> {
    for (const { startPfn, endPfn } of this.first.dumped.runs()) {
      if (this.hasAllPages()) {
        yield this.range(startPfn, endPfn);
        continue;
      }
      let start = startPfn;
      for (let pfn = startPfn; pfn < endPfn; pfn++) {
        if (this.presenceOf(pfn) === PRESENCE.present) continue;
        if (pfn > start) yield this.range(start, pfn);
        start = pfn + 1;
      }
      if (endPfn > start) yield this.range(start, endPfn);
    }
  }

  /** Pages of zeros are compressed as others are. */
  dataRanges(): Iterable<MemoryRange> {
    return this.presentRanges();
  }

  close(): void {
    for (const { file } of this.files) file.close();
  }

  /** Whether all pages that the bitmap has are there, as far as is known. */
  private hasAllPages(): boolean {
    return this.isWholeSet && this.unreadable.size === 0 && !this.files.some((file) => file.mayLackPages);
  }

  private presenceOf(pfn: number): Presence {
    const { memory, dumped } = this.first;
    if (!dumped.has(pfn)) return memory.has(pfn) ? PRESENCE.filtered : PRESENCE.absent;
    const file = this.fileOf(pfn);
    const isThere = file !== undefined && (!file.mayLackPages || file.isThere(pfn)) && !this.unreadable.has(pfn);
    return isThere ? PRESENCE.present : PRESENCE.unreadable;
  }

  private readExtent(what: string, extent: Extent | undefined, most: number): Buffer | undefined {
    const { file } = this.first;
    const bytes = extent && extent.length <= most ? readBytes(file, extent.offset, extent.length) : undefined;
    if (extent && !bytes) {
      this.setProblems.push(kdumpExtentLost(file.path, what, extent.offset, extent.length));
      this.lostParts++;
    }
    return bytes;
  }

  private hasPages(address: number, length: number): boolean {
    const end = Math.ceil((address + length) / this.pageSize);
    for (let pfn = Math.floor(address / this.pageSize); pfn < end; pfn++) {
      if (this.presenceOf(pfn) !== PRESENCE.present) return false;
    }
    return true;
  }

  private page(pfn: number): Buffer | undefined {
    if (!this.first.dumped.has(pfn) || this.unreadable.has(pfn)) return undefined;
    const file = this.fileOf(pfn);
    const page = file?.page(pfn);
    if (!page && file && !(file.mayLackPages && !file.isThere(pfn))) this.cannotBeRead(file, pfn);
    return page;
  }

  /** A page that the file seems to have. */
  private cannotBeRead(file: KdumpFile, pfn: number): void {
    if (this.unreadable.size >= MOST_UNREADABLE) return;
    this.unreadable.add(pfn);
    if (this.foundProblems.length < MOST_TOLD) {
      this.foundProblems.push(kdumpPageUnreadable(file.file.path, pfn, pfn * this.pageSize));
    }
  }

  private fileOf(pfn: number): KdumpFile | undefined {
    return this.files.find((file) => file.covers(pfn));
  }

  private range(startPfn: number, endPfn: number): MemoryRange {
    return { address: startPfn * this.pageSize, length: (endPfn - startPfn) * this.pageSize };
  }

  /** Page frames between the parts, from 0 to the last one of the dump. */
  private missingParts(): PageRun[] {
    const missing: PageRun[] = [];
    let pfn = 0;
    for (const { startPfn, endPfn } of this.files) {
      if (startPfn > pfn) missing.push({ startPfn: pfn, endPfn: startPfn });
      pfn = Math.max(pfn, endPfn);
    }
    if (pfn < this.first.header.maxMapnr) missing.push({ startPfn: pfn, endPfn: this.first.header.maxMapnr });
    const { dumped } = this.first;
    return missing.filter(({ startPfn, endPfn }) => dumped.rank(endPfn) > dumped.rank(startPfn));
  }

  private listRegions(): MemoryRegion[] {
    const { memory, dumped } = this.first;
    const regions: MemoryRegion[] = [];
    for (const { startPfn, endPfn } of memory.runs()) {
      if (regions.length === MOST_REGIONS) {
        this.setProblems.push(kdumpTooManyRanges(this.first.file.path, MOST_REGIONS));
        break;
      }
      regions.push({
        name: `pages ${startPfn}-${endPfn - 1}`,
        ...this.range(startPfn, endPfn),
        present: (dumped.rank(endPfn) - dumped.rank(startPfn)) * this.pageSize,
        fileOffset: undefined,
        virtualAddress: undefined,
        remark: undefined,
      });
    }
    return regions;
  }
}

function checkOneSet(files: readonly KdumpFile[]): void {
  if (files.length === 1) return;
  const [first] = files;
  for (const { header, file } of files) {
    if (!header.split) throw notOneSet(file.path, 'it is a whole dump, not a part of a split one');
    const isAlike =
      header.maxMapnr === first!.header.maxMapnr &&
      header.blockSize === first!.header.blockSize &&
      header.system.release === first!.header.system.release &&
      header.system.nodeName === first!.header.system.nodeName;
    if (!isAlike) throw notOneSet(file.path, `it is of another machine or kernel than ${first!.file.path}`);
  }
}

function levelText(level: number | undefined): string {
  if (level === undefined) return 'not told';
  const left = LEVELS.filter((_, bit) => level & (2 << bit)).join(', ');
  const parts = [
    ...(level & DL_EXCLUDE_ZERO ? ['pages of zeros are kept once'] : []),
    left ? `left out: ${left}` : 'nothing is left out',
  ];
  return `${level} (${parts.join('; ')})`;
}
