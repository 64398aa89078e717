/**
 * BTF: what a kernel carries itself of its structures, as most distributions build it (CONFIG_DEBUG_INFO_BTF).
 * Source: Documentation/bpf/btf.rst; include/uapi/linux/btf.h.
 */
import type { KernelMemory } from './kernelMemory.ts';
import type { Field, KernelStructs } from './kernelStructs.ts';
import type { SymbolTable } from './symbolTable.ts';

const MAGIC = 0xeb9f;
const LONGEST_HEADER = 64;
/** Bytes in front of what a type has more. */
const TYPE = 12;
const MEMBER = 12;
/** struct and union. */
const COMPOSITES: ReadonlySet<number> = new Set([4, 5]);
/** Bytes that a type has more, by its kind, 0 to 19: of its own, and for each of its parts. */
const MORE = [0, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 4, 0, 0];
const EACH = [0, 0, 0, 0, 12, 12, 8, 0, 0, 0, 0, 0, 0, 8, 0, 12, 0, 0, 0, 12];
/** Bytes; Debian's kernels have 4 to 5 MB. */
const LONGEST = 64 << 20;
/** typedef, volatile, const, restrict, and a tag: each stands for another type. */
const ALIASES: ReadonlySet<number> = new Set([8, 9, 10, 11, 18]);
/** Structures without a name in each other. */
const MOST_NESTED = 1000;
/** Aliases of aliases. */
const DEEPEST = 32;

/** What is in a type's second word. */
const kindOf = (info: number): number => (info >>> 24) & 0x1f;
const partsOf = (info: number): number => info & 0xffff;

/** A structure or a union: where its members begin in the bytes, and how many there are. */
interface Composite {
  members: number;
  count: number;
  /** Whether the upper 8 bits of a member's offset are its size in bits. */
  hasBitfields: boolean;
}

export class Btf implements KernelStructs {
  readonly from = "the kernel's own BTF";
  /** Where each type begins; there is no type 0. */
  private readonly types: Uint32Array;

  private constructor(
    private readonly bytes: Buffer,
    private readonly strings: Buffer,
    from: number,
    to: number,
  ) {
    const types = new Uint32Array(2 + Math.floor((to - from) / TYPE));
    let count = 1;
    for (let at = from; at + TYPE <= to;) {
      types[count++] = at;
      const info = bytes.readUInt32LE(at + 4);
      const kind = kindOf(info);
      // A kind that came later: what is behind it cannot be found.
      if (kind >= EACH.length) break;
      at += TYPE + MORE[kind]! + partsOf(info) * EACH[kind]!;
    }
    this.types = types.subarray(0, count);
  }

  /** @returns `undefined` for bytes that are none. */
  static read(bytes: Buffer): Btf | undefined {
    if (bytes.length < LONGEST_HEADER || bytes.readUInt16LE(0) !== MAGIC) return undefined;
    const [header, types, typeBytes, strings, stringBytes] = [4, 8, 12, 16, 20].map((at) => bytes.readUInt32LE(at)) as [
      ...[number, number, number, number, number],
    ];
    const end = header + types + typeBytes;
    if (end > bytes.length || header + strings + stringBytes > bytes.length) return undefined;
    const text = bytes.subarray(header + strings, header + strings + stringBytes);
    return new Btf(bytes, text, header + types, end);
  }

  /** Members of structures without a name are found too. */
  offsetOf(field: Field): number | undefined {
    const [name, ...members] = field.split('.');
    let offset = 0;
    let within = this.named(name!);
    for (const member of members) {
      const found = within && this.member(within, this.textAt(member), new Set());
      if (!found) return undefined;
      offset += found.bits;
      within = this.composite(found.type);
    }
    return offset % 8 === 0 ? offset / 8 : undefined;
  }

  /** Where a string is among all of them, each of which is there once. */
  private textAt(text: string): number {
    return this.strings.indexOf(`\0${text}\0`, 0, 'latin1') + 1;
  }

  private named(name: string): Composite | undefined {
    const { bytes, types } = this;
    const text = this.textAt(name);
    if (text === 0) return undefined;
    for (let type = 1; type < types.length; type++) {
      const at = types[type]!;
      if (bytes.readUInt32LE(at) === text && COMPOSITES.has(kindOf(bytes.readUInt32LE(at + 4))))
        return this.composite(type);
    }
    return undefined;
  }

  /** What a type is behind all its aliases. */
  private composite(type: number): Composite | undefined {
    for (let depth = 0; depth < DEEPEST; depth++) {
      const at = this.types[type];
      if (!at) return undefined;
      const info = this.bytes.readUInt32LE(at + 4);
      const kind = kindOf(info);
      if (COMPOSITES.has(kind)) return { members: at + TYPE, count: partsOf(info), hasBitfields: info >>> 31 !== 0 };
      if (!ALIASES.has(kind)) return undefined;
      type = this.bytes.readUInt32LE(at + 8);
    }
    return undefined;
  }

  private member(
    { members, count, hasBitfields }: Composite,
    text: number,
    seen: Set<number>,
  ): { type: number; bits: number } | undefined {
    // One that has itself in it would never end, and one made to exhaust us not soon enough.
    if (text === 0 || seen.has(members) || seen.size === MOST_NESTED) return undefined;
    seen.add(members);
    for (let at = members; at < members + count * MEMBER; at += MEMBER) {
      if (at + MEMBER > this.bytes.length) return undefined;
      const [name, type, place] = [0, 4, 8].map((word) => this.bytes.readUInt32LE(at + word)) as [
        number,
        number,
        number,
      ];
      const bits = hasBitfields ? place & 0xffffff : place;
      if (name === text) return { type, bits };
      const inside = name === 0 ? this.composite(type) : undefined;
      const found = inside && this.member(inside, text, seen);
      if (found) return { type: found.type, bits: bits + found.bits };
    }
    return undefined;
  }
}

/** That of a kernel in memory. Source: include/asm-generic/vmlinux.lds.h, BTF. */
export function findBtf(memory: KernelMemory, symbols: SymbolTable | undefined): Btf | undefined {
  const [start, end] = ['__start_BTF', '__stop_BTF'].map((name) => symbols?.address(name));
  if (start === undefined || end === undefined || end <= start || end - start > LONGEST) return undefined;
  const bytes = memory.read(start, Number(end - start));
  return bytes && Btf.read(bytes);
}
