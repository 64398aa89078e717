/** ELF cores of a machine's memory: of /proc/vmcore, of QEMU's dump-guest-memory, of `makedumpfile -E`. */
import { elfLoadsElsewhere, elfLoadsImpossible, elfMemoryLost } from '../errors.ts';
import { elfNotesLost, elfWithoutMemory, imageBroken } from '../errors.ts';
import { bufferFor, PAGE_SIZE } from '../physicalMemory.ts';
import { readElfHead, PT_LOAD, type ElfHead } from './elfHeader.ts';
import { decodeNotes, LONGEST_NOTES, MOST_NOTES, VMCOREINFO_NOTE } from './elfNotes.ts';
import { readBytes, type FileBytes } from './fileBytes.ts';
import { withoutHoles } from './holes.ts';
import { bytesText, factsOfNotes } from './imageText.ts';
import { PRESENCE, type ImageFact, type ImageNote, type Presence, type PresenceCount } from './memoryImage.ts';
import { findHoles, type MemoryImage, type MemoryRange, type MemoryRegion } from './memoryImage.ts';
import { RangeTable, type TaggedRange } from './rangeTable.ts';

/** Physical addresses of all machines that Linux runs on are below. */
const MOST_MEMORY = 2 ** 52;
/** Pieces of memory that are kept: of a file with gaps, each program header may have many. */
const MOST_RANGES = 1 << 22;

export class ElfCore implements MemoryImage {
  readonly paths: readonly string[];
  readonly container = 'elf';
  readonly bits: 32 | 64;
  readonly flattened: boolean;
  readonly format: string;
  readonly machine: string;
  readonly pageSize = PAGE_SIZE;
  readonly size: number;
  readonly notes: readonly ImageNote[];
  readonly vmcoreInfo: Buffer | undefined;
  readonly entry: bigint | undefined;
  readonly dumpLevel = undefined;
  readonly problems: readonly string[];
  readonly complete: boolean;
  private readonly head: ElfHead;
  /** Numbers, in the program table, of the headers that describe physical memory. */
  private readonly loads: number[] = [];
  /** What can be read. Its sources, as those of the other two, are numbers in the program table. */
  private readonly present: RangeTable;
  /** What should be in the file. */
  private readonly inFile: RangeTable;
  /** What there is of memory, in the file or not. */
  private readonly described: RangeTable;
  /** By number in the program table: which other header has given bytes of this one. */
  private readonly overlaps = new Map<number, number>();
  private regionList: MemoryRegion[] | undefined;

  /**
   * @param file an ELF file; it is closed with this.
   * @throws MemoryError when it is no core of a machine, or of one that is not understood.
   */
  constructor(private readonly file: FileBytes) {
    this.head = readElfHead(file);
    this.paths = [file.path];
    this.bits = this.head.bits;
    this.flattened = file.flattened;
    this.machine = this.head.machine;
    this.entry = this.head.entry === 0n ? undefined : this.head.entry;
    const problems = [...file.problems, ...this.head.problems];
    this.problems = problems;

    let complete = problems.length === 0;
    const lose = (problem: string): void => {
      problems.push(problem);
      complete = false;
    };
    this.collectLoads(problems, lose);
    const { programs } = this.head;
    const ranges = (length: (program: number) => number): TaggedRange[] =>
      this.loads.map((source) => {
        const start = programs.physical.at(source);
        return { start, end: start + length(source), source };
      });
    this.described = new RangeTable(ranges((program) => this.memorySize(program)));
    this.inFile = new RangeTable(ranges((program) => this.fileSize(program)));
    this.present = new RangeTable(this.readable(), (loser, winner) => this.overlaps.set(loser.source, winner));
    const last = this.described.length - 1;
    this.size = last < 0 ? 0 : this.described.end(last);

    this.notes = this.readNotes(lose);
    this.vmcoreInfo = this.notes.find(({ name }) => name === VMCOREINFO_NOTE)?.descriptor;
    const byQemu = this.notes.some(({ name }) => name === 'QEMU') ? ', as QEMU writes it' : '';
    const flattened = file.flattened ? ', flattened' : '';
    this.format = `ELF${this.head.bits} core with ${this.head.machineConstant}${byQemu}${flattened}`;
    const lost = this.inFile.bytes - this.present.bytes;
    if (lost > 0) {
      lose(elfMemoryLost(file.path, bytesText(lost), file.size));
    }
    this.complete = complete;
  }

  get facts(): readonly ImageFact[] {
    const { described, inFile, present, entry } = this;
    const left = described.bytes - inFile.bytes;
    return [
      { label: 'Format', value: this.format },
      { label: 'Machine', value: this.machine },
      { label: 'Memory', value: `${bytesText(described.bytes)}, up to ${bytesText(this.size)}` },
      { label: 'In the file', value: bytesText(present.bytes) },
      ...(left > 0 ? [{ label: 'Left out', value: bytesText(left) }] : []),
      { label: 'PT_LOAD', value: `${this.loads.length}, ${this.overlaps.size} of them with memory of others` },
      { label: 'Holes', value: String(findHoles([...described.merged()]).length) },
      ...(entry === undefined ? [] : [{ label: 'e_entry', value: `0x${entry.toString(16)}` }]),
      ...factsOfNotes(this.notes, this.vmcoreInfo),
    ];
  }

  get regions(): readonly MemoryRegion[] {
    this.regionList ??= this.loads.map((program) => this.region(program));
    return this.regionList;
  }

  read(address: number, length: number, scratch?: Buffer): Buffer | undefined {
    if (!(address >= 0 && length >= 0) || !this.present.covers(address, length)) return undefined;
    const bytes = bufferFor(length, scratch);
    for (let done = 0, index = this.present.firstEndingBehind(address); done < length; index++) {
      const at = address + done;
      const piece = Math.min(length - done, this.present.end(index) - at);
      const program = this.present.source(index);
      const offset = this.head.programs.offsets.at(program) + at - this.head.programs.physical.at(program);
      if (!this.file.readInto(bytes.subarray(done, done + piece), offset)) return undefined;
      done += piece;
    }
    return bytes;
  }

  presence(firstPfn: number, count: number): Uint8Array {
    const pages = new Uint8Array(count);
    const mark = (table: RangeTable, value: number): void => {
      table.forPages(
        ...([firstPfn, count, PAGE_SIZE] as const),
        (from, to) => pages.fill(value, from - firstPfn, to - firstPfn),
        (pfn) => (pages[pfn - firstPfn] = value),
      );
    };
    mark(this.described, PRESENCE.filtered);
    mark(this.inFile, PRESENCE.unreadable);
    this.present.forPages(
      ...([firstPfn, count, PAGE_SIZE] as const),
      (from, to) => pages.fill(PRESENCE.present, from - firstPfn, to - firstPfn),
      (pfn) => (pages[pfn - firstPfn] = this.presenceInPieces(pfn)),
    );
    return pages;
  }

  countPresence(): PresenceCount {
    const [described, inFile, touched] = [this.described, this.inFile, this.present].map((table) =>
      table.countPages(PAGE_SIZE),
    ) as [number, number, number];
    let cut = 0;
    let last = -1;
    this.present.forPages(
      ...([0, Math.ceil(this.size / PAGE_SIZE), PAGE_SIZE] as const),
      () => undefined,
      (pfn) => {
        if (pfn !== last && this.presenceInPieces(pfn) === PRESENCE.unreadable) cut++;
        last = pfn;
      },
    );
    return {
      absent: Math.ceil(this.size / PAGE_SIZE) - described,
      present: touched - cut,
      filtered: described - inFile,
      unreadable: inFile - touched + cut,
    };
  }

  presentRanges(): Iterable<MemoryRange> {
    return this.present.merged();
  }

  *dataRanges(): Iterable<MemoryRange> {
    const { programs } = this.head;
    let last: MemoryRange | undefined;
    for (let index = 0; index < this.present.length; index++) {
      const [address, source] = [this.present.start(index), this.present.source(index)];
      const range = { address, length: this.present.end(index) - address };
      const toOffset = programs.offsets.at(source) - programs.physical.at(source);
      for (const piece of withoutHoles(range, toOffset, this.file.holes)) {
        // Ranges that touch may have a page in common.
        const touches = last && last.address + last.length === piece.address;
        if (last && !touches) yield last;
        last = touches ? { address: last!.address, length: last!.length + piece.length } : piece;
      }
    }
    if (last) yield last;
  }

  close(): void {
    this.file.close();
  }

  /** Of a page frame that ranges begin or end in. */
  private presenceInPieces(pfn: number): Presence {
    const [present, inFile] = [this.present, this.inFile].map((table) => table.bytesIn(pfn * PAGE_SIZE, PAGE_SIZE));
    if (present === PAGE_SIZE) return PRESENCE.present;
    return present === inFile ? PRESENCE.partly : PRESENCE.unreadable;
  }

  /** @param lose is told of what should be there. */
  private collectLoads(problems: string[], lose: (problem: string) => void): void {
    const { programs } = this.head;
    let [elsewhere, impossible] = [0, 0];
    for (let program = 0; program < programs.length; program++) {
      if (programs.types.at(program) !== PT_LOAD) continue;
      const address = programs.physical.at(program);
      if (address === Infinity) elsewhere++;
      else if (address + this.memorySize(program) > MOST_MEMORY) impossible++;
      else this.loads.push(program);
    }
    if (elsewhere > 0) problems.push(elfLoadsElsewhere(this.file.path, elsewhere));
    if (this.loads.length === 0) lose(elfWithoutMemory(this.file.path));
    if (impossible > 0) lose(elfLoadsImpossible(this.file.path, impossible));
    const isProcess =
      this.loads.length > 1 &&
      this.loads.every((program) => programs.physical.at(program) === 0 && programs.virtual(program) !== 0n);
    if (isProcess) throw imageBroken(this.file.path, 'it is the core of a process: no PT_LOAD has a physical address');
  }

  private memorySize(program: number): number {
    // Old writers leave p_memsz 0.
    return this.head.programs.memorySizes.at(program) || this.head.programs.fileSizes.at(program);
  }

  private fileSize(program: number): number {
    return Math.min(this.head.programs.fileSizes.at(program), this.memorySize(program));
  }

  /** What of each load is there in the file. */
  private readable(): TaggedRange[] {
    const { programs } = this.head;
    const ranges: TaggedRange[] = [];
    for (const source of this.loads) {
      const toAddress = programs.physical.at(source) - programs.offsets.at(source);
      for (const { offset, length } of this.file.extents(programs.offsets.at(source), this.fileSize(source))) {
        if (ranges.length === MOST_RANGES) return ranges;
        ranges.push({ start: toAddress + offset, end: toAddress + offset + length, source });
      }
    }
    return ranges;
  }

  private region(program: number): MemoryRegion {
    const { programs } = this.head;
    const fileOffset = programs.offsets.at(program);
    const present = this.fileSize(program);
    const remarks: string[] = [];
    const other = this.overlaps.get(program);
    if (other !== undefined) remarks.push(`PT_LOAD ${other} has some of this memory too`);
    if (present > 0 && fileOffset + present > this.file.size) {
      remarks.push(`the file ends ${bytesText(fileOffset + present - this.file.size)} before its end`);
    }
    return {
      name: `PT_LOAD ${program}`,
      address: programs.physical.at(program),
      length: this.memorySize(program),
      present,
      fileOffset: present > 0 ? fileOffset : undefined,
      virtualAddress: programs.virtual(program),
      remark: remarks.length > 0 ? remarks.join('; ') : undefined,
    };
  }

  private readNotes(lose: (problem: string) => void): ImageNote[] {
    const { programs } = this.head;
    const notes: ImageNote[] = [];
    let left = LONGEST_NOTES;
    let isWhole = true;
    for (let program = 0; program < programs.length && left > 0; program++) {
      if (programs.types.at(program) === PT_LOAD) continue;
      const offset = programs.offsets.at(program);
      const length = programs.fileSizes.at(program);
      const bytes = readBytes(this.file, offset, Math.max(0, Math.min(length, left, this.file.size - offset)));
      isWhole &&= bytes?.length === length;
      notes.push(...decodeNotes(bytes ?? Buffer.alloc(0), MOST_NOTES - notes.length));
      left -= bytes?.length ?? 0;
    }
    if (!isWhole) lose(elfNotesLost(this.file.path));
    return notes;
  }
}
