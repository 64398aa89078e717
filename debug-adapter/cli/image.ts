/** `kexec-jump image`, `diff` and `dmesg`: what the explorer of memory images says, on a terminal or for other programs. */
import { logLinesLost } from '../../vmcore-viewer/core/errors.ts';
import { formatLogRecord, readKernelLog } from '../../vmcore-viewer/core/kernelLog.ts';
import type { GroupDifference } from '../../vmcore-viewer/core/imageDiff.ts';
import { readVmlinux } from '../../vmcore-viewer/core/vmlinux.ts';
import { compareImages } from '../../vmcore-viewer/explorer/compare.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { factsText } from '../../vmcore-viewer/explorer/factsText.ts';
import { imageFacts } from '../../vmcore-viewer/explorer/imageFacts.ts';
import { addressExpected, noKernelInImage } from '../errors.ts';

/** Exit statuses beside 0: something is not as it should be, and nothing could be shown. Those of diff(1) are the same. */
export const DAMAGED = 1;
export const UNREADABLE = 2;
const DIFFERENT = 1;
const MEBIBYTE = 1 << 20;

/** Where the output goes, and where what is wrong. */
export interface Output {
  write: (text: string) => void;
  complain: (sentence: string) => void;
}

export interface ImageOptions {
  entry?: string | undefined;
  vmlinux?: string | undefined;
  /** MiB. */
  loaderMemory?: number | undefined;
  json?: boolean | undefined;
}

/** Opens an image for some work, and closes it. @throws MemoryError when it cannot be read. */
function withImage<Result>(paths: string[], entry: string | undefined, work: (explorer: Explorer) => Result): Result {
  const explorer = Explorer.open({ paths, entry: addressOf(entry) });
  try {
    return work(explorer);
  } finally {
    explorer.close();
  }
}

/** Shows what an image is. @param paths one, or the parts of a split set. */
export function showImage(paths: string[], options: ImageOptions, { write, complain }: Output): number {
  const vmlinux = options.vmlinux === undefined ? undefined : readVmlinux(options.vmlinux);
  return withImage(paths, options.entry, (explorer) => {
    const loaderMemory = options.loaderMemory === undefined ? undefined : options.loaderMemory * MEBIBYTE;
    const { facts, isDamaged } = imageFacts(explorer, { entry: addressOf(options.entry), vmlinux, loaderMemory });
    write(options.json ? `${JSON.stringify(facts, null, 2)}\n` : factsText(explorer, facts, loaderMemory));
    facts.problems.forEach(complain);
    return isDamaged ? DAMAGED : 0;
  });
}

/** Prints the log of the kernel that the image is about, as dmesg(1) does. */
export function showLog(paths: string[], { entry }: Pick<ImageOptions, 'entry'>, { write, complain }: Output): number {
  return withImage(paths, entry, (explorer) => {
    const { kernel, summary, image } = explorer;
    if (!kernel) throw noKernelInImage(image.paths.join(', '), summary.problems);
    const { records, lost } = readKernelLog(kernel.memory, kernel.info);
    write(records.map((record) => `${formatLogRecord(record)}\n`).join(''));
    if (lost > 0) complain(logLinesLost(lost));
    summary.problems.forEach(complain);
    return image.complete && lost === 0 ? 0 : DAMAGED;
  });
}

/** Pages that either image has. */
const COUNTED = ['same', 'different', 'onlyFirst', 'onlySecond'] as const;

/** Re-entry points of the first and of the second image. */
export interface DiffOptions {
  'entry-a'?: string | undefined;
  'entry-b'?: string | undefined;
  json?: boolean | undefined;
}

/** Compares two images, each as its kernel knew its memory. */
export function showDifference(
  [first, second]: readonly [string, string],
  options: DiffOptions,
  { write, complain }: Output,
): number {
  return withImage([first], options['entry-a'], (one) =>
    withImage([second], options['entry-b'], (other) => {
      const { counts, text } = compareImages(one, other);
      const pages = sumOf(counts);
      const names = [...new Set(counts.map((each) => each.class))];
      const classes = Object.fromEntries(
        names.map((name) => [name, sumOf(counts.filter((each) => each.class === name))]),
      );
      write(options.json ? `${JSON.stringify({ first, second, pages, classes }, null, 2)}\n` : text);
      for (const explorer of [one, other]) explorer.summary.problems.forEach(complain);
      return pages.different + pages.onlyFirst + pages.onlySecond > 0 ? DIFFERENT : 0;
    }),
  );
}

function sumOf(groups: readonly GroupDifference[]): Record<(typeof COUNTED)[number], number> {
  const sums = COUNTED.map((name) => [name, groups.reduce((sum, { counts }) => sum + counts[name], 0)]);
  return Object.fromEntries(sums) as Record<(typeof COUNTED)[number], number>;
}

function addressOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^(0x[0-9a-f]{1,13}|\d{1,15})$/i.test(text)) throw addressExpected(text);
  return Number(text);
}
