/** The difference of two memories, page by page: two saved images, say, or an image and the memory it was taken of. */
import { PAGE_CLASSES, type PageClassName } from './pageClassNames.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';
import { UNWATCHED, type Watch } from './watch.ts';

/** What is to be said of a page frame. */
export const DIFFERENCES = ['same', 'different', 'onlyFirst', 'onlySecond', 'neither'] as const;
export type Difference = (typeof DIFFERENCES)[number];
const DIFFERENCE = Object.fromEntries(DIFFERENCES.map((name, number) => [name, number])) as Record<Difference, number>;

/** A memory as it is to be compared: as the kernel knew it whose page frames are meant. */
export interface Comparable {
  memory: PhysicalMemory;
  /** Whether all of a page can be read. */
  has(pfn: number): boolean;
}

const AT_A_TIME = 256;

/** Compares page by page. @returns an index into `DIFFERENCES` for each pfn of the larger one. */
export function comparePages(first: Comparable, second: Comparable, watch: Watch = UNWATCHED): Uint8Array {
  const count = Math.ceil(Math.max(first.memory.size, second.memory.size) / PAGE_SIZE);
  const found = new Uint8Array(count).fill(DIFFERENCE.neither);
  const scratch = [first, second].map(() => Buffer.allocUnsafe(AT_A_TIME * PAGE_SIZE)) as [Buffer, Buffer];
  for (let pfn = 0; pfn < count; pfn += AT_A_TIME) {
    watch(pfn, count);
    const end = Math.min(pfn + AT_A_TIME, count);
    const [one, other] = [piece(first, pfn, end, scratch[0]), piece(second, pfn, end, scratch[1])];
    // Most of two images of one kernel is the same: whole pieces of it.
    if (one && other && one.equals(other)) found.fill(DIFFERENCE.same, pfn, end);
    else for (let page = pfn; page < end; page++) found[page] = DIFFERENCE[compare(first, second, page)];
  }
  return found;
}

/** Pages that are all there. */
function piece(from: Comparable, pfn: number, end: number, scratch?: Buffer): Buffer | undefined {
  for (let page = pfn; page < end; page++) if (!from.has(page)) return undefined;
  return from.memory.read(pfn * PAGE_SIZE, (end - pfn) * PAGE_SIZE, scratch);
}

function compare(first: Comparable, second: Comparable, pfn: number): Difference {
  const [one, other] = [piece(first, pfn, pfn + 1), piece(second, pfn, pfn + 1)];
  if (!one) return other ? 'onlySecond' : 'neither';
  if (!other) return 'onlyFirst';
  return one.equals(other) ? 'same' : 'different';
}

/** Pages of one class and of one owner. */
export interface PageGroup {
  class: PageClassName;
  /** A byte of `PageKinds.owners`. */
  owner: number;
}

/** How many pages of a group there are of each. */
export interface GroupDifference extends PageGroup {
  counts: Readonly<Record<Difference, number>>;
}

/** Side by side pages that differ, of one group. */
export interface DifferentRun extends PageGroup {
  firstPfn: number;
  count: number;
  difference: Difference;
}

/** What the pages of the first memory are, a byte for each pfn; those behind the end count as 0. */
export interface PageKinds {
  /** Indices into `PAGE_CLASSES`. */
  classes: Uint8Array;
  /** Whose a page is, by any numbers. */
  owners: Uint8Array;
}

/** Counts by owner and class. */
export function countDifferences(differences: Uint8Array, { classes, owners }: PageKinds): GroupDifference[] {
  const counts = new Map<number, Uint32Array>();
  differences.forEach((difference, pfn) => {
    const group = ((owners[pfn] ?? 0) << 8) | (classes[pfn] ?? 0);
    let ofGroup = counts.get(group);
    if (!ofGroup) counts.set(group, (ofGroup = new Uint32Array(DIFFERENCES.length)));
    ofGroup[difference]!++;
  });
  return [...counts]
    .sort(([one], [other]) => one - other)
    .map(([group, all]) => ({
      class: PAGE_CLASSES[group & 0xff]!.name,
      owner: group >> 8,
      counts: Object.fromEntries(DIFFERENCES.map((name, number) => [name, all[number]!])) as Record<Difference, number>,
    }))
    .filter(({ counts: all }) => DIFFERENCES.some((name) => name !== 'neither' && all[name] > 0));
}

/** What differs, by ascending pfn, touching pages of a group as one. */
export function findDifferences(differences: Uint8Array, { classes, owners }: PageKinds): DifferentRun[] {
  const runs: DifferentRun[] = [];
  differences.forEach((number, pfn) => {
    const difference = DIFFERENCES[number]!;
    if (difference === 'same' || difference === 'neither') return;
    const [found, owner] = [PAGE_CLASSES[classes[pfn] ?? 0]!.name, owners[pfn] ?? 0];
    const last = runs.at(-1);
    const isAlike = last?.class === found && last.owner === owner && last.difference === difference;
    if (isAlike && last.firstPfn + last.count === pfn) last.count++;
    else runs.push({ class: found, owner, firstPfn: pfn, count: 1, difference });
  });
  return runs;
}
