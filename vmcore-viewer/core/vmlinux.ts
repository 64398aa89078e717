/**
 * A vmlinux for either x86: which build it is, and its symbols where the kernel in an image has none of its own to be read.
 * Source: ELF specification (sections, symbol table), include/uapi/linux/elf.h (NT_GNU_BUILD_ID).
 */
import { notAVmlinux } from './errors.ts';
import { PT_NOTE, readAnyElfHead, type ElfHead } from './images/elfHeader.ts';
import { decodeNotes } from './images/elfNotes.ts';
import { PlainFile, readBytes } from './images/fileBytes.ts';
import { ListedSymbols, type KernelSymbol, type SymbolTable } from './symbolTable.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

const NT_GNU_BUILD_ID = 3;
const SHT_SYMTAB = 2;
const SHN_UNDEF = 0;
/** Source: "Debugging with GDB", Index Files Speed Up GDB. */
const DEBUG_INDICES = ['.gdb_index', '.debug_names'];
const LONGEST_NOTES = 1 << 20;
const LONGEST_TABLE = 256 << 20;
/** Offsets of fields in section headers and symbols. */
const LAYOUTS = {
  32: { section: 40, offset: 16, size: 20, link: 24, symbol: 16, value: 4, index: 14 },
  64: { section: 64, offset: 24, size: 32, link: 40, symbol: 24, value: 8, index: 6 },
} as const;

export interface Vmlinux {
  path: string;
  /** Hexadecimal digits. */
  buildId: string | undefined;
  /** As linked: with KASLR the kernel runs elsewhere. */
  symbols: readonly KernelSymbol[];
}

/** @throws MemoryError when it is no vmlinux with a symbol table; the system's error when it cannot be opened. */
export function readVmlinux(path: string): Vmlinux {
  const file = new PlainFile(path);
  try {
    const identification = readBytes(file, 0, Math.min(4, file.size));
    if (identification?.toString('latin1') !== '\x7fELF') throw notAVmlinux(path, 'it does not begin with \\x7fELF');
    const head = readAnyElfHead(file);
    return { path, buildId: buildIdOf(file, head), symbols: symbolsOf(file, head) };
  } finally {
    file.close();
  }
}

/** Hexadecimal digits of a vmlinux's build id; `undefined` for a file without one, or that is none. */
export function readBuildId(path: string): string | undefined {
  return lookInto(path, buildIdOf);
}

/** Whether gdb finds its way in the debug information without reading all of it, which for a distribution's kernel takes half a minute. */
export function hasDebugIndex(path: string): boolean {
  const find = (file: PlainFile, head: ElfHead): boolean => {
    const sections = new Sections(file, head);
    return DEBUG_INDICES.some((name) => sections.has(name));
  };
  return lookInto(path, find) ?? false;
}

/** What is found in an ELF file; `undefined` of a file that is none, or cannot be read. */
function lookInto<T>(path: string, look: (file: PlainFile, head: ElfHead) => T): T | undefined {
  let file: PlainFile | undefined;
  try {
    file = new PlainFile(path);
    return look(file, readAnyElfHead(file));
  } catch {
    return undefined;
  } finally {
    file?.close();
  }
}

/** The symbols where the kernel of an image runs. */
export function symbolsInMemory({ symbols }: Vmlinux, info: VmcoreInfo): SymbolTable {
  const linked = symbols.find(({ name }) => name === '_stext')?.address;
  const runs = info.symbol('_stext');
  const moved = linked === undefined || runs === undefined ? 0n : runs - linked;
  return new ListedSymbols(symbols.map(({ name, address }) => ({ name, address: address + moved })));
}

function buildIdOf(file: PlainFile, { programs }: ElfHead): string | undefined {
  for (let program = 0; program < programs.length; program++) {
    const length = programs.fileSizes.at(program);
    if (programs.types.at(program) !== PT_NOTE || length > LONGEST_NOTES) continue;
    const notes = decodeNotes(readBytes(file, programs.offsets.at(program), length) ?? Buffer.alloc(0));
    const found = notes.find(({ name, type }) => name === 'GNU' && type === NT_GNU_BUILD_ID);
    if (found) return found.descriptor.toString('hex');
  }
  return undefined;
}

/** The sections of an ELF file. Each is read when it is asked for. */
class Sections {
  private readonly headers: Buffer;
  private readonly layout: (typeof LAYOUTS)[32 | 64];
  private readonly names: number;
  readonly count: number;

  /** @throws MemoryError, as all that it reads, when it is not in the file. */
  constructor(
    private readonly file: PlainFile,
    private readonly head: ElfHead,
  ) {
    const { table, count, names } = head.sections;
    this.layout = LAYOUTS[head.bits];
    this.count = count;
    this.names = names;
    this.headers = this.bytes(table, count * this.layout.section, 'section table');
  }

  has(name: string): boolean {
    if (this.names >= this.count) return false;
    const names = this.content(this.names, 'table of section names');
    const wanted = Buffer.from(`${name}\0`, 'latin1');
    for (let section = 0; section < this.count; section++) {
      const at = this.headers.readUInt32LE(section * this.layout.section);
      if (names.subarray(at, at + wanted.length).equals(wanted)) return true;
    }
    return false;
  }

  /** sh_type. */
  type(section: number): number {
    return this.headers.readUInt32LE(section * this.layout.section + 4);
  }

  /** sh_link. */
  link(section: number): number {
    return this.headers.readUInt32LE(section * this.layout.section + this.layout.link);
  }

  content(section: number, what: string): Buffer {
    const at = section * this.layout.section;
    return this.bytes(this.long(at + this.layout.offset), this.long(at + this.layout.size), what);
  }

  private long(at: number): number {
    return this.head.bits === 64 ? Number(this.headers.readBigUInt64LE(at)) : this.headers.readUInt32LE(at);
  }

  private bytes(offset: number, length: number, what: string): Buffer {
    const bytes = length <= LONGEST_TABLE ? readBytes(this.file, offset, length) : undefined;
    if (!bytes) {
      throw notAVmlinux(this.file.path, `its ${what} (${length} bytes at ${offset}) is not in it`);
    }
    return bytes;
  }
}

function symbolsOf(file: PlainFile, head: ElfHead): KernelSymbol[] {
  const sections = new Sections(file, head);
  const layout = LAYOUTS[head.bits];
  const value = (bytes: Buffer, at: number): bigint =>
    head.bits === 64 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
  for (let section = 0; section < sections.count; section++) {
    if (sections.type(section) !== SHT_SYMTAB) continue;
    const link = sections.link(section);
    if (link >= sections.count) throw notAVmlinux(file.path, 'its symbol table names no string table');
    const names = sections.content(link, 'string table');
    const bytes = sections.content(section, 'symbol table');
    const symbols: KernelSymbol[] = [];
    for (let at = 0; at + layout.symbol <= bytes.length; at += layout.symbol) {
      const start = bytes.readUInt32LE(at);
      const end = names.indexOf(0, start);
      if (start === 0 || end <= start || bytes.readUInt16LE(at + layout.index) === SHN_UNDEF) continue;
      symbols.push({ name: names.toString('latin1', start, end), address: value(bytes, at + layout.value) });
    }
    return symbols.sort((one, other) => (one.address < other.address ? -1 : one.address > other.address ? 1 : 0));
  }
  throw notAVmlinux(file.path, 'it has no symbol table (is it stripped?)');
}
