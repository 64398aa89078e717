/** Finding bytes in a memory, across the borders of pages: as it is, and as a kernel had it that left by a jump. */
import type { MemoryImage, MemoryRange } from './images/memoryImage.ts';
import { memoryPieces } from './memoryPieces.ts';
import type { Overlay } from './overlay.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';
import { UNWATCHED, type Watch } from './watch.ts';

/** What is looked for. */
export interface Needle {
  /** 1 to `LONGEST_NEEDLE` of them. */
  bytes: Buffer;
  /** A match begins at a multiple of it. */
  alignment: number;
  /** Letters of ASCII match in either case. */
  ignoresCase: boolean;
}

/** So that a match is in two pages at most. */
export const LONGEST_NEEDLE = PAGE_SIZE;

/**
 * The ranges of an image that a match can have a part in. The holes of a sparse file are zeros, of which a match has at most its
 * beginning or its end.
 */
export function* searchedRanges(
  image: Pick<MemoryImage, 'presentRanges' | 'dataRanges'>,
  { bytes }: Needle,
): Generator<MemoryRange> {
  if (bytes.every((byte) => byte === 0)) {
    yield* image.presentRanges();
    return;
  }
  const wide: MemoryRange[] = [];
  for (const { address, length } of image.dataRanges()) {
    const start = Math.max(0, address - LONGEST_NEEDLE);
    const last = wide.at(-1);
    const touches = last !== undefined && start <= last.address + last.length;
    const range = touches ? last : { address: start, length: 0 };
    range.length = address + length + LONGEST_NEEDLE - range.address;
    if (!touches) wide.push(range);
  }
  const present = [...image.presentRanges()];
  for (let one = 0, other = 0; one < wide.length && other < present.length;) {
    const [ends, presentEnds] = [wide[one]!, present[other]!].map((range) => range.address + range.length) as [
      number,
      number,
    ];
    const address = Math.max(wide[one]!.address, present[other]!.address);
    const end = Math.min(ends, presentEnds);
    if (end > address) yield { address, length: end - address };
    if (ends < presentEnds) one++;
    else other++;
  }
}

/** Physical addresses of all matches, ascending as the ranges are; they may overlap. */
export function* searchMemory(
  memory: PhysicalMemory,
  ranges: Iterable<MemoryRange>,
  needle: Needle,
  watch: Watch = UNWATCHED,
): Generator<number> {
  const find = finderOf(needle);
  const overhang = needle.bytes.length - 1;
  /** What a match may begin in that goes on in the next piece. */
  let last: { end: number; bytes: Buffer } = { end: -1, bytes: Buffer.alloc(0) };
  for (const { address, bytes } of memoryPieces(memory, ranges, watch)) {
    if (!bytes) continue;
    const before = last.end === address ? last.bytes : Buffer.alloc(0);
    if (before.length > 0) {
      yield* find(Buffer.concat([before, bytes.subarray(0, overhang)]), address - before.length);
    }
    yield* find(bytes, address);
    const tail = bytes.length < overhang ? Buffer.concat([before, bytes]) : bytes;
    last = { end: address + bytes.length, bytes: Buffer.from(tail.subarray(Math.max(0, tail.length - overhang))) };
  }
}

/**
 * The matches that only the kernel which left would see: across the border of two pages that were side by side for it and
 * are not now. All others are found in memory as it is.
 * @returns physical addresses as that kernel had them, ascending.
 */
export function* searchSeams(asItLeft: Overlay, needle: Needle, watch: Watch = UNWATCHED): Generator<number> {
  const find = finderOf(needle);
  const overhang = needle.bytes.length - 1;
  const seams = [...new Set(asItLeft.moved.flatMap((page) => [page, page + PAGE_SIZE]))]
    .filter((page) => page > 0 && asItLeft.locate(page - PAGE_SIZE) + PAGE_SIZE !== asItLeft.locate(page))
    .sort((one, other) => one - other);
  for (const [index, seam] of seams.entries()) {
    if (index % 1024 === 0) watch(index, seams.length);
    const bytes = overhang > 0 ? asItLeft.read(seam - overhang, 2 * overhang) : undefined;
    if (bytes) yield* find(bytes, seam - overhang);
  }
}

/** Finds all matches within bytes. */
type Finder = (bytes: Buffer, address: number) => Generator<number>;

function finderOf({ bytes: wanted, alignment, ignoresCase }: Needle): Finder {
  const search = ignoresCase ? foldingSearch(wanted) : exactSearch(wanted);
  return function* (bytes, address) {
    if (bytes.length < wanted.length) return;
    const nextFrom = search(bytes);
    for (let at = nextFrom(0); at >= 0; at = nextFrom(at + 1)) {
      if ((address + at) % alignment === 0) yield address + at;
    }
  };
}

/** For some bytes, what tells the offset of the next match from an offset on, or -1. */
type Search = (bytes: Buffer) => (from: number) => number;

/** Memory is full of zeros: those that the wanted bytes begin with are looked at once the others are found. */
function exactSearch(wanted: Buffer): Search {
  const zeros = Math.max(
    0,
    wanted.findIndex((byte) => byte !== 0),
  );
  const rest = wanted.subarray(zeros);
  return (bytes) => (from) => {
    for (let at = from; ; at++) {
      at = bytes.indexOf(rest, at + zeros) - zeros;
      if (at < 0) return -1;
      if (zeros === 0 || wanted.compare(bytes, at, at + wanted.length) === 0) return at;
    }
  };
}

/** The same for either case of letters: bytes as characters of Latin-1, of which only the letters of ASCII have two forms. */
function foldingSearch(wanted: Buffer): Search {
  const pattern = [...wanted].map((byte) => {
    const letter = String.fromCharCode(byte);
    if (/[a-z]/i.test(letter)) return `[${letter.toLowerCase()}${letter.toUpperCase()}]`;
    return `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  const expression = new RegExp(pattern.join(''), 'g');
  return (bytes) => {
    const text = bytes.toString('latin1');
    return (from) => {
      expression.lastIndex = from;
      return expression.exec(text)?.index ?? -1;
    };
  };
}
