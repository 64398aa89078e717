/** Two images compared, as the kernels knew their memory: a layer for the page map of the first, and a report. */
import { hex, tooLargeToCompare } from '../core/errors.ts';
import { EXPECTED_CHANGE } from '../core/expectedChange.ts';
import {
  comparePages,
  countDifferences,
  DIFFERENCES,
  findDifferences,
  type Comparable,
  type Difference,
  type DifferentRun,
  type GroupDifference,
  type PageGroup,
  type PageKinds,
} from '../core/imageDiff.ts';
import { bytesText } from '../core/images/imageText.ts';
import { PRESENCE } from '../core/images/memoryImage.ts';
import { PAGE_SIZE } from '../core/physicalMemory.ts';
import { contentPlace, symbolAt } from './contentPlace.ts';
import type { Explorer } from './explorer.ts';
import { imagePicture, OWNER, ownerName } from './imagePicture.ts';
import { textTable } from './textTable.ts';

/** Rows of the report; what is more is only counted. */
const MOST_ROWS = 200;
/** Bytes of memory: a comparison takes some bytes for each page. */
const MOST_COMPARED = 2 ** 40;
const TITLES: Readonly<Record<Exclude<Difference, 'neither'>, string>> = {
  same: 'same',
  different: 'different',
  onlyFirst: 'only in the first',
  onlySecond: 'only in the second',
};
const COLUMNS = Object.keys(TITLES) as (keyof typeof TITLES)[];

/** How two images differ. */
export interface ImageComparison {
  /** An index into `DIFFERENCES` for each page frame of the first image's file. */
  bytes: Uint8Array;
  /** By the owners and classes of the first one's pages. */
  counts: readonly GroupDifference[];
  /** The report. */
  text: string;
}

/** @throws MemoryError when an image tells of more memory than can be compared. */
export function compareImages(first: Explorer, second: Explorer): ImageComparison {
  for (const { image } of [first, second]) {
    if (image.size > MOST_COMPARED) throw tooLargeToCompare(image.paths.join(', '), bytesText(image.size));
  }
  const differences = comparePages(comparable(first), comparable(second), first.watch('Comparing'));
  const pageCount = Math.ceil(first.image.size / PAGE_SIZE);
  const bytes = new Uint8Array(pageCount).fill(DIFFERENCES.indexOf('neither'));
  differences.forEach((difference, pfn) => {
    const now = first.locate(pfn);
    if (now < bytes.length) bytes[now] = difference;
  });
  const kinds = kindsOf(first, differences.length);
  const counts = countDifferences(differences, kinds);
  return { bytes, counts, text: report(first, second, counts, findDifferences(differences, kinds)) };
}

/** As the kernel had it that the image is about. */
function comparable(explorer: Explorer): Comparable {
  const { image, kernel } = explorer;
  const presence = image.presence(0, Math.ceil(image.size / PAGE_SIZE));
  return { memory: kernel?.physical ?? image, has: (pfn) => presence[explorer.locate(pfn)] === PRESENCE.present };
}

/** Classes and owners by the page frames of the kernel. */
function kindsOf(explorer: Explorer, count: number): PageKinds {
  const { owners } = imagePicture(explorer);
  return {
    classes: explorer.pages[0]?.classes ?? new Uint8Array(),
    owners: Uint8Array.from({ length: count }, (_, pfn) => owners[explorer.locate(pfn)] ?? 0),
  };
}

function report(
  first: Explorer,
  second: Explorer,
  groups: readonly GroupDifference[],
  runs: readonly DifferentRun[],
): string {
  const isWrong = (run: DifferentRun): boolean =>
    run.difference === 'different' && EXPECTED_CHANGE[run.class][0] === 'same';
  const wrong = runs.filter(isWrong);
  const name = ({ image, kernel }: Explorer): string =>
    `${image.paths.join(', ')}${kernel?.info.release === undefined ? '' : `: Linux ${kernel.info.release}`}`;
  return [
    `First:  ${name(first)}`,
    `Second: ${name(second)}`,
    '',
    ...textTable([
      ['of', 'pages of the first', ...COLUMNS.map((column) => TITLES[column]), 'expected', 'because'],
      ...groups.map(({ class: found, owner, counts }) => [
        ownerName(first, owner),
        found,
        ...COLUMNS.map((column) => String(counts[column]).padStart(TITLES[column].length)),
        ...expectation({ class: found, owner }),
      ]),
    ]),
    '',
    wrong.length === 0 ? 'No code of the kernel differs.' : 'Code of the kernel differs, which nothing should change:',
    ...rows(first, wrong),
    '',
    runs.length === 0 ? 'Nothing differs.' : 'What differs',
    ...rows(first, runs.slice(0, MOST_ROWS)),
    ...(runs.length > MOST_ROWS ? [`  … and ${runs.length - MOST_ROWS} more ranges`] : []),
    '',
  ].join('\n');
}

/** What the jump has taken is not the kernel's any more, whatever the kernel has it for. */
function expectation({ class: found, owner }: PageGroup): readonly string[] {
  if (owner === OWNER.left) return EXPECTED_CHANGE[found];
  return ['may change', owner === OWNER.peer ? 'the peer had it, or kexec has loaded it' : 'each jump writes it'];
}

function rows(explorer: Explorer, runs: readonly DifferentRun[]): string[] {
  return textTable(
    runs.map(({ class: found, owner, firstPfn, count, difference }) => [
      frame(explorer, firstPfn),
      `${count} ${count === 1 ? 'page' : 'pages'}`,
      found,
      difference === 'neither' ? '' : TITLES[difference],
      ownerName(explorer, owner),
      symbolAt(contentPlace(explorer, explorer.locate(firstPfn) * PAGE_SIZE)) ?? '',
    ]),
  );
}

/** A page frame as the image has it, and as the kernel had it. */
function frame(explorer: Explorer, pfn: number): string {
  const now = explorer.locate(pfn);
  return `pfn ${hex(now)}${now === pfn ? '' : `, the kernel's ${hex(pfn)}`}`;
}
