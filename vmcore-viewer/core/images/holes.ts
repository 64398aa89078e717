/** Holes of sparse files, which are zeros that nobody has to read: the RAM file of a QEMU is hardly ever full. */
import { spawnSync } from 'node:child_process';
import type { Extent } from './fileBytes.ts';
import type { MemoryRange } from './memoryImage.ts';
import { countUpTo } from './numberTable.ts';
import { PAGE_SIZE } from '../physicalMemory.ts';

/** Bytes: with fewer in holes it is as quick to read them. */
const WORTH_WHILE = 1 << 30;
const MOST_OUTPUT = 64 << 20;
const MOST_MS = 10_000;

/**
 * Where the holes of a file are, ascending. Node has no SEEK_HOLE, so QEMU's tool is asked; without it none is known, and they are read.
 * @param allocated bytes that it takes on its disk.
 */
export function findHolesOf(path: string, size: number, allocated: number): Extent[] {
  if (size - allocated < WORTH_WHILE) return [];
  const args = ['map', '--force-share', '--format=raw', '--output=json', '--', path];
  const { status, stdout } = spawnSync('qemu-img', args, {
    ...{ encoding: 'utf8', maxBuffer: MOST_OUTPUT, timeout: MOST_MS },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (status !== 0) return [];
  const map = JSON.parse(stdout) as { start: number; length: number; zero: boolean; data: boolean }[];
  return map.filter(({ zero, data }) => zero && !data).map(({ start, length }) => ({ offset: start, length }));
}

/**
 * The parts of a range of memory that do not lie in holes; what is left out is whole pages.
 * @param toOffset what is added to a physical address to have the offset in the file.
 */
export function* withoutHoles(
  { address, length }: MemoryRange,
  toOffset: number,
  holes: readonly Extent[],
): Generator<MemoryRange> {
  const end = address + length;
  let start = address;
  const first = countUpTo(holes.length, (index) => holes[index]!.offset + holes[index]!.length, address + toOffset);
  for (let index = first; index < holes.length; index++) {
    const hole = holes[index]!;
    const from = Math.ceil((hole.offset - toOffset) / PAGE_SIZE) * PAGE_SIZE;
    const to = Math.floor((hole.offset + hole.length - toOffset) / PAGE_SIZE) * PAGE_SIZE;
    if (to <= start || to <= from) continue;
    if (from >= end) break;
    if (from > start) yield { address: start, length: from - start };
    start = to;
  }
  if (start < end) yield { address: start, length: end - start };
}
