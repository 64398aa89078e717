/** What we need of a vmlinux file: its symbols, its code bytes, its banner. Reads only the parts it needs. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import elfy from 'elfy';
import { notAnElfFile } from './errors.ts';

/** A symbol of a kernel: `address` is virtual, as linked. */
export interface KernelSymbol {
  name: string;
  address: number;
  /** Bytes; 0 when the symbol table does not tell. */
  size: number;
}

interface Segment {
  virtualAddress: number;
  physicalAddress: number;
  fileOffset: number;
  fileSize: number;
}

const SECTION_HEADER_SIZE = 40;
const SYMBOL_SIZE = 16;
const SHT_SYMTAB = 2;
const STT_OBJECT = 1;
const STT_FUNC = 2;
const LONGEST_SYMBOL_TABLE = 256 << 20;

/** A vmlinux (ELF32, EM_386). */
export class KernelFile {
  private readonly symbols = new Map<string, KernelSymbol>();
  /** Where functions begin, ascending. */
  private readonly functionStarts: number[] = [];
  private readonly variables = new Set<string>();
  /** Symbols that have a size, ascending; made when first asked for. */
  private ascending: KernelSymbol[] | undefined;
  private readonly segments: Segment[];
  private readonly descriptor: number;

  /**
   * @throws MemoryError when the file is not an ELF32 file for i386 or has no symbol table;
   *   the system's error when it cannot be opened.
   */
  constructor(readonly path: string) {
    this.descriptor = openSync(path, 'r');
    try {
      const head = this.readFile(0, Math.min(1 << 16, fstatSync(this.descriptor).size));
      if (head.toString('latin1', 0, 4) !== '\x7fELF') throw notAnElfFile(path, 'it does not begin with \\x7fELF');
      const parser = new elfy.Parser();
      const header = parser.parseHeader(head);
      if (header.class !== '32' || header.machine !== '386') {
        throw notAnElfFile(path, `it is for a ${header.class}-bit ${header.machine ?? 'unknown'} machine`);
      }
      this.segments = parser
        .parsePrograms(head, header)
        .filter((program) => program.type === 'load')
        .map((program) => ({
          virtualAddress: program.vaddr,
          physicalAddress: program.paddr,
          fileOffset: program.offset,
          fileSize: program.filesz,
        }));
      this.readSymbols(header.shoff, header.shnum);
    } catch (error) {
      closeSync(this.descriptor);
      throw error;
    }
  }

  /** The symbol of that name; the first one where several share it. */
  symbol(name: string): KernelSymbol | undefined {
    return this.symbols.get(name);
  }

  /** Where the last function begins that begins before a virtual address as linked. */
  functionBefore(virtualAddress: number): number | undefined {
    let [low, high] = [0, this.functionStarts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.functionStarts[middle]! < virtualAddress) low = middle + 1;
      else high = middle;
    }
    return this.functionStarts[low - 1];
  }

  /** The first and the last symbol that lie, in part, in a piece of the image at a virtual address as linked. */
  symbolsIn(virtualAddress: number, length: number): [KernelSymbol, KernelSymbol] | undefined {
    this.ascending ??= [...this.symbols.values()]
      .filter(({ size }) => size > 0)
      .sort((one, other) => one.address - other.address);
    const end = virtualAddress + length;
    const first = this.ascending.find(({ address, size }) => address + size > virtualAddress);
    const last = this.ascending.findLast(({ address }) => address < end);
    return first && last && first.address < end && last.address >= first.address ? [first, last] : undefined;
  }

  /** Names of variables that contain a text. */
  variablesWith(part: string): string[] {
    return [...this.variables].filter((name) => name.includes(part));
  }

  /** Bytes of the file at a virtual address as linked, or `undefined` when no segment holds them. */
  bytesAt(virtualAddress: number, length: number): Buffer | undefined {
    const segment = this.segments.find(
      (candidate) =>
        virtualAddress >= candidate.virtualAddress &&
        virtualAddress + length <= candidate.virtualAddress + candidate.fileSize,
    );
    return segment && this.readFile(segment.fileOffset + virtualAddress - segment.virtualAddress, length);
  }

  /** PAGE_OFFSET: virtual minus physical address of the first loaded segment. */
  get pageOffset(): number {
    const [first] = this.segments;
    return first ? first.virtualAddress - first.physicalAddress : 0;
  }

  /** The text of `linux_banner` ("Linux version 6.1…"), which tells one build from another. */
  get banner(): string | undefined {
    const symbol = this.symbol('linux_banner');
    const bytes = symbol && this.bytesAt(symbol.address, symbol.size || 512);
    return bytes?.toString('latin1').split('\0')[0]?.trimEnd();
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private readSymbols(sectionTable: number, count: number): void {
    const sections = this.readFile(sectionTable, count * SECTION_HEADER_SIZE);
    const word = (section: number, field: number): number =>
      sections.readUInt32LE(section * SECTION_HEADER_SIZE + field);
    let symbolSection = 0;
    while (symbolSection < count && word(symbolSection, 4) !== SHT_SYMTAB) symbolSection++;
    if (symbolSection === count) throw notAnElfFile(this.path, 'it has no symbol table (is it stripped?)');
    const stringSection = word(symbolSection, 24);
    if (stringSection >= count) throw notAnElfFile(this.path, 'its symbol table names no string table');
    const table = this.readFile(word(symbolSection, 16), word(symbolSection, 20));
    const names = this.readFile(word(stringSection, 16), word(stringSection, 20));

    for (let at = 0; at + SYMBOL_SIZE <= table.length; at += SYMBOL_SIZE) {
      const nameOffset = table.readUInt32LE(at);
      const end = names.indexOf(0, nameOffset);
      if (nameOffset === 0 || end < 0) continue;
      const name = names.toString('latin1', nameOffset, end);
      const address = table.readUInt32LE(at + 4);
      const type = table[at + 12]! & 0xf;
      if (type === STT_FUNC) this.functionStarts.push(address);
      if (type === STT_OBJECT) this.variables.add(name);
      if (!this.symbols.has(name)) this.symbols.set(name, { name, address, size: table.readUInt32LE(at + 8) });
    }
    this.functionStarts.sort((one, other) => one - other);
  }

  private readFile(offset: number, length: number): Buffer {
    if (length > LONGEST_SYMBOL_TABLE) throw notAnElfFile(this.path, `a table of ${length} bytes is too long`);
    const bytes = Buffer.alloc(length);
    const read = readSync(this.descriptor, bytes, 0, length, offset);
    if (read !== length) throw notAnElfFile(this.path, `it ends before byte ${offset + length}`);
    return bytes;
  }
}
