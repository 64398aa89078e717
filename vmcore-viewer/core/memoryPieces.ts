/** A memory from its beginning to its end, in pieces that are read fast and kept briefly. */
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';
import type { PhysicalRun } from './physicalRuns.ts';
import { UNWATCHED, type Watch } from './watch.ts';

/** Small enough to stay in the CPU's cache while it is looked at. */
const PIECE = 1 << 18;

/** A piece of memory by its physical address. */
export interface MemoryPiece extends PhysicalRun {
  /** `undefined` for a page, or its part in a range, of which not all can be read. */
  bytes: Buffer | undefined;
}

/**
 * All of some ranges. Where a piece cannot be read as one, each page is a piece: what is damaged costs no more. The bytes of a piece are
 * good until the next is asked for.
 */
export function* memoryPieces(
  memory: PhysicalMemory,
  ranges: Iterable<PhysicalRun>,
  watch: Watch = UNWATCHED,
  pageSize = PAGE_SIZE,
): Generator<MemoryPiece> {
  const all = [...ranges];
  const total = all.reduce((sum, { length }) => sum + length, 0);
  const scratch = Buffer.allocUnsafe(Math.max(PIECE, pageSize));
  let done = 0;
  for (const range of all) {
    for (const part of split(range, scratch.length)) {
      watch(done, total);
      const bytes = memory.read(part.address, part.length, scratch);
      if (bytes) yield { ...part, bytes };
      else
        for (const page of split(part, pageSize))
          yield { ...page, bytes: memory.read(page.address, page.length, scratch) };
      done += part.length;
    }
  }
}

/** Offsets in a piece at which pages begin; the last may be cut off. */
export function* pagesIn({ address, length }: PhysicalRun): Generator<number> {
  for (let at = (PAGE_SIZE - (address % PAGE_SIZE)) % PAGE_SIZE; at < length; at += PAGE_SIZE) yield at;
}

/** The whole pages of some ranges. */
export function* wholePages(ranges: Iterable<PhysicalRun>, pageSize = PAGE_SIZE): Generator<PhysicalRun> {
  for (const { address, length } of ranges) {
    const start = Math.ceil(address / pageSize) * pageSize;
    const end = Math.floor((address + length) / pageSize) * pageSize;
    if (end > start) yield { address: start, length: end - start };
  }
}

/** At multiples of a size. */
function* split({ address, length }: PhysicalRun, size: number): Generator<PhysicalRun> {
  const end = address + length;
  for (let start = address, next; start < end; start = next) {
    next = Math.min(start - (start % size) + size, end);
    yield { address: start, length: next - start };
  }
}
