/**
 * The symbols that a kernel carries itself, so that an image has names without its vmlinux.
 * Source: kernel/kallsyms.c (kallsyms_expand_symbol, kallsyms_sym_address), scripts/kallsyms.c (the tables).
 */
import { vmcoreInfoWrong } from './errors.ts';
import { readKernelBytes, type KernelMemory } from './kernelMemory.ts';
import { lastNotAbove, type KernelSymbol, type SymbolTable } from './symbolTable.ts';
import type { VmcoreInfo } from './vmcoreInfo.ts';

const KEYS = [
  ...['kallsyms_names', 'kallsyms_num_syms', 'kallsyms_token_table', 'kallsyms_token_index'],
  ...['kallsyms_offsets', 'kallsyms_relative_base'],
].map((name) => `SYMBOL(${name})`);

const TOKENS = 256;
/** A token is a piece of a symbol's name. */
const LONGEST_TABLE = TOKENS * 512;
/** Ten times what a kernel with everything built in has. */
const MOST_SYMBOLS = 2_000_000;
/** A name has at most 2^14 tokens; two bytes of length. */
const LONG = 0x80;
/** Bytes read at a time: how long the names are nobody tells. */
const PIECE = 1 << 16;
const LARGEST_PIECE = 1 << 22;
/** Bytes; Debian's kernels have 2 MB. */
const LONGEST_NAMES = 1 << 26;

/** The symbols that a kernel carries itself, as compressed as it has them: most often three of 100,000 are wanted. */
export class Kallsyms implements SymbolTable {
  private readonly found = new Map<string, bigint | undefined>();
  /** The tokens without their first letter: that of a name is its type. */
  private readonly firstTokens: readonly string[];

  private constructor(
    private readonly tokens: readonly string[],
    private readonly names: CompressedNames,
    /** Of `kallsyms_offsets`: as many as there are symbols, by ascending address. */
    private readonly offsets: Int32Array,
    private readonly base: bigint,
    /** With CONFIG_KALLSYMS_ABSOLUTE_PERCPU what is not negative is an address itself, and the others count down from the base. */
    private readonly countsDown: boolean,
  ) {
    this.firstTokens = tokens.map((token) => token.slice(1));
  }

  /** @throws MemoryError when VMCOREINFO does not tell where the tables are, or they are not in the image. */
  static read(memory: KernelMemory, info: VmcoreInfo): Kallsyms {
    info.expect(KEYS, "reading the kernel's own symbols");
    const bytesAt = (name: string, at: bigint, length: number): Buffer => readKernelBytes(memory, name, at, length);
    const place = (name: string): bigint => info.symbol(`kallsyms_${name}`)!;
    const count = bytesAt('kallsyms_num_syms', place('num_syms'), 4).readUInt32LE(0);
    if (count > MOST_SYMBOLS) throw vmcoreInfoWrong('kallsyms_num_syms', count, `it is more than ${MOST_SYMBOLS}`);
    const tokens = tokensOf(bytesAt('kallsyms_token_index', place('token_index'), TOKENS * 2), (length) =>
      bytesAt('kallsyms_token_table', place('token_table'), length),
    );
    const names = namesOf(count, (offset, length) => memory.read(place('names') + BigInt(offset), length));
    const bytes = bytesAt('kallsyms_offsets', place('offsets'), count * 4);
    const offsets = new Int32Array(Uint8Array.from(bytes).buffer).subarray(0, names.starts.length);
    const base = bytesAt('kallsyms_relative_base', place('relative_base'), memory.wordSize);
    const relativeBase = memory.wordSize === 8 ? base.readBigUInt64LE(0) : BigInt(base.readUInt32LE(0));
    const countsDown = offsets.some((offset) => offset < 0);
    return new Kallsyms(tokens, names, offsets, relativeBase, countsDown);
  }

  get count(): number {
    return this.offsets.length;
  }

  address(name: string): bigint | undefined {
    if (!this.found.has(name)) {
      const index = this.indexOf(name);
      this.found.set(name, index < 0 ? undefined : this.addressAt(index));
    }
    return this.found.get(name);
  }

  before(address: bigint): KernelSymbol | undefined {
    const index = lastNotAbove(this.count, address, (at) => this.addressAt(at));
    return index < 0 ? undefined : { name: this.nameAt(index), address: this.addressAt(index) };
  }

  private addressAt(index: number): bigint {
    const offset = BigInt(this.offsets[index]!);
    if (!this.countsDown) return this.base + offset;
    return offset >= 0n ? offset : this.base - 1n - offset;
  }

  private nameAt(index: number): string {
    const { at, end } = entryAt(this.names.bytes, this.names.starts[index]!);
    let name = '';
    for (let token = at; token < end; token++) name += this.tokens[this.names.bytes[token]!]!;
    return name.slice(1);
  }

  private indexOf(name: string): number {
    const { bytes, starts } = this.names;
    const mayBegin = Uint8Array.from(this.firstTokens, (token) => Number(name.startsWith(token)));
    for (let index = 0; index < starts.length; index++) {
      const start = starts[index]!;
      if (mayBegin[bytes[firstTokenAt(bytes, start)]!] && this.isNamed(start, name)) return index;
    }
    return -1;
  }

  private isNamed(start: number, name: string): boolean {
    const { bytes } = this.names;
    const { at, end } = entryAt(bytes, start);
    let length = 0;
    for (let place = at; place < end; place++) {
      const token = (place === at ? this.firstTokens : this.tokens)[bytes[place]!]!;
      if (!name.startsWith(token, length)) return false;
      length += token.length;
    }
    return length === name.length;
  }
}

/** Of `kallsyms_names`: the length of each name in tokens, and its tokens. */
interface CompressedNames {
  bytes: Buffer;
  /** Where each begins. */
  starts: Uint32Array;
}

function tokensOf(index: Buffer, table: (length: number) => Buffer): string[] {
  const starts = Array.from({ length: TOKENS }, (_, token) => index.readUInt16LE(token * 2));
  // The last token's end is not told; a token is short.
  const bytes = table(Math.min(Math.max(...starts) + 64, LONGEST_TABLE));
  return starts.map((start) => {
    const end = bytes.indexOf(0, start);
    return bytes.toString('latin1', start, end < 0 ? bytes.length : end);
  });
}

/** Those that are not in the image are left out at the end. */
function namesOf(count: number, read: (offset: number, length: number) => Buffer | undefined): CompressedNames {
  let bytes: Buffer = Buffer.alloc(0);
  const isThere = (end: number): boolean => {
    if (end > LONGEST_NAMES) return false;
    while (bytes.length < end) {
      const ahead = Math.min(Math.max(PIECE, bytes.length), LARGEST_PIECE);
      const next = read(bytes.length, ahead) ?? read(bytes.length, PIECE) ?? read(bytes.length, end - bytes.length);
      if (!next) return false;
      bytes = Buffer.concat([bytes, next]);
    }
    return true;
  };
  const starts = new Uint32Array(count);
  let [found, start] = [0, 0];
  while (found < count && isThere(start + 2)) {
    const { end } = entryAt(bytes, start);
    if (!isThere(end)) break;
    starts[found++] = start;
    start = end;
  }
  return { bytes, starts: starts.subarray(0, found) };
}

const firstTokenAt = (bytes: Buffer, start: number): number => start + (bytes[start]! & LONG ? 2 : 1);

/** Where the tokens of a name are. */
function entryAt(bytes: Buffer, start: number): { at: number; end: number } {
  const short = bytes[start]!;
  const at = firstTokenAt(bytes, start);
  const length = short & LONG ? (short & ~LONG) | (bytes[start + 1]! << 7) : short;
  return { at, end: at + length };
}
