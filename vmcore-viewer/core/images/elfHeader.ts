/**
 * The head of an ELF core: file header and program headers.
 * Source: System V ABI, chapter 4 (Object Files) and 5 (Program Loading); elf.h.
 */
import { elfHeadersLost, elfHeadersNotCounted, imageBroken } from '../errors.ts';
import { readBytes, type FileBytes } from './fileBytes.ts';
import { NumberTable } from './numberTable.ts';

const EI_CLASS = 4;
const EI_DATA = 5;
const ELFCLASS32 = 1;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const ET_CORE = 4;
/** e_phnum when there are more program headers than it can count; section header 0 has their number. */
const PN_XNUM = 0xffff;
export const PT_LOAD = 1;
export const PT_NOTE = 4;
/** Program headers above this number are ignored. QEMU's paging dump of a 32-bit kernel has some 100,000. */
const MOST_PROGRAMS = 1 << 20;
/** Bytes of program headers read at a time; a multiple of the size of one. */
const AT_A_TIME = 4096;

const MACHINES: Readonly<Record<number, string>> = {
  3: 'i386',
  8: 'mips',
  20: 'powerpc',
  21: 'powerpc64',
  22: 's390',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv',
  258: 'loongarch',
};
const FILE_TYPES: Readonly<Record<number, string>> = {
  1: 'a relocatable object (a kernel module?)',
  2: 'an executable (a vmlinux?)',
  3: 'a shared object or a position-independent executable',
};

/** Offsets of the fields that are read; a field of an address or offset has 4 or 8 bytes. */
interface Layout {
  bits: 32 | 64;
  header: number;
  entry: number;
  programTable: number;
  sectionTable: number;
  programSize: number;
  programCount: number;
  sectionCount: number;
  /** In a section header. */
  info: number;
  program: { length: number; offset: number; virtual: number; physical: number; fileSize: number; memorySize: number };
}

const ELF32: Layout = {
  ...{
    bits: 32,
    header: 52,
    entry: 24,
    programTable: 28,
    sectionTable: 32,
    programSize: 42,
    programCount: 44,
    sectionCount: 48,
    info: 28,
  },
  program: { length: 32, offset: 4, virtual: 8, physical: 12, fileSize: 16, memorySize: 20 },
};
const ELF64: Layout = {
  ...{
    bits: 64,
    header: 64,
    entry: 24,
    programTable: 32,
    sectionTable: 40,
    programSize: 54,
    programCount: 56,
    sectionCount: 60,
    info: 44,
  },
  program: { length: 56, offset: 8, virtual: 16, physical: 24, fileSize: 32, memorySize: 40 },
};

/** Program headers as columns of numbers; those that are neither PT_LOAD nor PT_NOTE are left out. */
export class ProgramTable {
  readonly types = new NumberTable();
  /** p_offset, bytes. */
  readonly offsets = new NumberTable();
  /** p_paddr; Infinity for -1, which says that there is no physical memory. */
  readonly physical = new NumberTable();
  /** p_filesz, bytes. */
  readonly fileSizes = new NumberTable();
  /** p_memsz, bytes. */
  readonly memorySizes = new NumberTable();
  /** p_vaddr in two halves: a double does not hold an address of 64 bits. */
  readonly virtualHigh = new NumberTable();
  readonly virtualLow = new NumberTable();

  get length(): number {
    return this.types.length;
  }

  /** p_vaddr. */
  virtual(index: number): bigint {
    return (BigInt(this.virtualHigh.at(index)) << 32n) | BigInt(this.virtualLow.at(index));
  }
}

/** What the head of a core tells. */
export interface ElfHead {
  bits: 32 | 64;
  /** e_type. */
  type: number;
  /** e_shoff, e_shnum and e_shstrndx. */
  sections: { table: number; count: number; names: number };
  /** e_machine as the constant is written ("EM_386"), or its number. */
  machineConstant: string;
  machine: string;
  /** e_entry. */
  entry: bigint;
  programs: ProgramTable;
  problems: string[];
}

/** Whether a file begins as an ELF file does. */
export function isElf(head: Buffer): boolean {
  return head.toString('latin1', 0, 4) === '\x7fELF';
}

/** @throws MemoryError when it is no core, or of a kind that is not understood. */
export function readElfHead(file: FileBytes): ElfHead {
  const head = readAnyElfHead(file);
  if (head.type !== ET_CORE) {
    throw imageBroken(file.path, `it is ${FILE_TYPES[head.type] ?? `an ELF file of type ${head.type}`}, not a core`);
  }
  return head;
}

/** The same of an ELF file that need not be a core. */
export function readAnyElfHead(file: FileBytes): ElfHead {
  const identification = readBytes(file, 0, 16);
  const kind = identification?.[EI_CLASS];
  const layout = kind === ELFCLASS32 ? ELF32 : kind === ELFCLASS64 ? ELF64 : undefined;
  const header = layout && readBytes(file, 0, layout.header);
  if (!layout) throw imageBroken(file.path, `its EI_CLASS (byte 4) is ${kind ?? 'not there'}: neither 32 nor 64 bits`);
  if (!header) {
    throw imageBroken(file.path, `it ends at ${file.size}, within its ELF header of ${layout.header} bytes`);
  }
  if (header[EI_DATA] !== ELFDATA2LSB) {
    throw imageBroken(file.path, `its EI_DATA (byte 5) is ${header[EI_DATA]!}: a big-endian machine's, not x86's`);
  }

  const problems: string[] = [];
  const machine = header.readUInt16LE(18);
  const word = wordOf(layout);
  const programs = readPrograms(file, layout, header, problems);
  return {
    bits: layout.bits,
    type: header.readUInt16LE(16),
    sections: {
      table: word(header, layout.sectionTable),
      count: header.readUInt16LE(layout.sectionCount),
      names: header.readUInt16LE(layout.sectionCount + 2),
    },
    machineConstant: machine === 3 ? 'EM_386' : machine === 62 ? 'EM_X86_64' : `e_machine ${machine}`,
    machine: MACHINES[machine] ?? `e_machine ${machine}`,
    entry: layout.bits === 64 ? header.readBigUInt64LE(layout.entry) : BigInt(header.readUInt32LE(layout.entry)),
    programs,
    problems,
  };
}

/** Reads a field of an address or an offset. */
const wordOf =
  ({ bits }: Pick<Layout, 'bits'>) =>
  (bytes: Buffer, at: number): number =>
    bits === 64 ? bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32 : bytes.readUInt32LE(at);

function readPrograms(file: FileBytes, layout: Layout, header: Buffer, problems: string[]): ProgramTable {
  const word = wordOf(layout);
  const table = word(header, layout.programTable);
  const told = header.readUInt16LE(layout.programSize);
  const size = told >= layout.program.length ? told : layout.program.length;
  let count = header.readUInt16LE(layout.programCount);
  if (count === PN_XNUM) {
    const section = readBytes(file, word(header, layout.sectionTable) + layout.info, 4);
    if (section) count = section.readUInt32LE(0);
    else problems.push(elfHeadersNotCounted(file.path));
  }
  const there = Math.max(0, Math.floor((file.size - table) / size));
  const read = Math.min(count, there, MOST_PROGRAMS);
  if (read < count) problems.push(elfHeadersLost(file.path, count, read));

  const programs = new ProgramTable();
  const { offset, virtual, physical, fileSize, memorySize } = layout.program;
  for (let first = 0; first < read; first += AT_A_TIME) {
    const pieces = Math.min(AT_A_TIME, read - first);
    const bytes = readBytes(file, table + first * size, pieces * size);
    if (!bytes) {
      problems.push(elfHeadersLost(file.path, count, first));
      break;
    }
    for (let at = 0; at < bytes.length; at += size) {
      const type = bytes.readUInt32LE(at);
      if (type !== PT_LOAD && type !== PT_NOTE) continue;
      const address = word(bytes, at + physical);
      programs.types.push(type);
      programs.offsets.push(word(bytes, at + offset));
      programs.virtualLow.push(bytes.readUInt32LE(at + virtual));
      programs.virtualHigh.push(layout.bits === 64 ? bytes.readUInt32LE(at + virtual + 4) : 0);
      programs.physical.push(address >= 2 ** layout.bits - 1 ? Infinity : address);
      programs.fileSizes.push(word(bytes, at + fileSize));
      programs.memorySizes.push(word(bytes, at + memorySize));
    }
  }
  return programs;
}
