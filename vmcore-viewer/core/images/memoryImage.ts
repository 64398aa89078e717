/** What every memory image is to those who explore it, whatever file format it comes in. */
import type { PhysicalMemory } from '../physicalMemory.ts';

/** What an image has of a page frame; the values are in the arrays that `presence()` gives. */
export const PRESENCE = {
  /** No memory, as far as the image tells. */
  absent: 0,
  /** All bytes can be read. */
  present: 1,
  /** The image has some of its bytes: a range of memory begins or ends within it. */
  partly: 2,
  /** There is memory, which was left out when the image was written (a dump level). */
  filtered: 3,
  /** It should be in the image and is not: cut off, a missing part of a split set, a page that does not decompress. */
  unreadable: 4,
} as const;

export type Presence = (typeof PRESENCE)[keyof typeof PRESENCE];

/** How many page frames there are of each presence, from 0 on. `present` counts the pages too of which memory has only a part. */
export type PresenceCount = Readonly<Record<'absent' | 'present' | 'filtered' | 'unreadable', number>>;

/** Bytes from a physical address on. */
export interface MemoryRange {
  /** Physical. */
  address: number;
  /** Bytes. */
  length: number;
}

/** A range of memory as the image describes it: a program header, a run of a bitmap, a whole raw file. */
export interface MemoryRegion extends MemoryRange {
  /** What describes it, such as "PT_LOAD 3". */
  name: string;
  /** Bytes of it that the image says to have; less than `length` where pages were left out. */
  present: number;
  /** Where its bytes begin in the file; only where they lie there one behind the other. Of a flattened file, in the rearranged one. */
  fileOffset: number | undefined;
  /** Where the kernel has mapped it, if the image tells. */
  virtualAddress: bigint | undefined;
  /** What is peculiar about it: that another region has the same memory, that the file ends before it does. */
  remark: string | undefined;
}

/** An ELF note: registers of a CPU, VMCOREINFO, what was erased. */
export interface ImageNote {
  /** Its owner, such as "CORE". */
  name: string;
  /** Its meaning depends on `name`. */
  type: number;
  descriptor: Buffer;
}

/** A line of a summary, for people. */
export interface ImageFact {
  label: string;
  value: string;
}

/**
 * A file, or the files of a split set, that hold a machine's memory. It is read in pieces when asked for. Physical addresses are
 * doubles, exact below 2^53.
 *
 * `read` returns `undefined` where any byte is not there; `size` is the address behind the last byte that the image knows of, which
 * may be far behind the memory before it: use `presentRanges()` to go through all of it.
 */
export interface MemoryImage extends PhysicalMemory {
  readonly paths: readonly string[];
  /** A part of a sentence: "ELF64 core with EM_386, as QEMU writes it", "kdump-compressed version 6, flattened, lzo". */
  readonly format: string;
  /** What kind of file it is, whatever is around it. */
  readonly container: 'elf' | 'kdump' | 'raw';
  /** Of the layout of its headers, which need not be the kernel's; `undefined` of a file that has none. */
  readonly bits: 32 | 64 | undefined;
  readonly flattened: boolean;
  /** "i386", "x86_64", or what the file says; `undefined` when it does not tell, as raw memory. */
  readonly machine: string | undefined;
  /** Bytes in what is a page to `presence()`. */
  readonly pageSize: number;
  readonly facts: readonly ImageFact[];
  /** In the order of the image. They may overlap and have holes between them. */
  readonly regions: readonly MemoryRegion[];
  readonly notes: readonly ImageNote[];
  /** The text of the note, if there is one; without, `findVmcoreInfo()` looks for it in the memory. */
  readonly vmcoreInfo: Buffer | undefined;
  /** e_entry of an ELF core if it is not 0. */
  readonly entry: bigint | undefined;
  /** Bits of makedumpfile's -d by which pages were left out, if the file tells. */
  readonly dumpLevel: number | undefined;
  /** Sentences: where the file was cut off, what does not fit. More may come as pages are read. */
  readonly problems: readonly string[];
  /** Whether all is there that the files say to have. As pages are read, it may turn out that not. */
  readonly complete: boolean;
  /** A `PRESENCE` for each of `count` page frames from `firstPfn` on. Of a large memory it is asked for in pieces. */
  presence(firstPfn: number, count: number): Uint8Array;
  /** The same for all page frames, as a count; quick, however large the memory is. What is damaged within pages is not known by it. */
  countPresence(): PresenceCount;
  /** What can be read, by ascending address, touching ranges as one. */
  presentRanges(): Iterable<MemoryRange>;
  /** The same without what lies in the holes of a sparse file: those pages are zero. By ascending address. */
  dataRanges(): Iterable<MemoryRange>;
  close(): void;
}

/** Memory between regions of which the image says nothing, from physical 0 on, by ascending address. */
export function findHoles(regions: readonly MemoryRange[]): MemoryRange[] {
  const holes: MemoryRange[] = [];
  let end = 0;
  for (const { address, length } of [...regions].sort((one, other) => one.address - other.address)) {
    if (address > end) holes.push({ address: end, length: address - end });
    end = Math.max(end, address + length);
  }
  return holes;
}
