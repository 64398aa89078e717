/** What the bench of memory images runs in a process of its own: one piece of work on a file, and what it took. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { countDumpClasses } from '../../vmcore-viewer/core/pageClasses.ts';
import { pageFlagsOf } from '../../vmcore-viewer/core/pageFlags.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import { compareImages } from '../../vmcore-viewer/explorer/compare.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import { searchImage } from '../../vmcore-viewer/explorer/search.ts';

const PIECE = 1 << 20;
/** Nowhere in a kernel's memory, so that all of it is looked at. */
const NEEDLE = { kind: 'bytes', text: 'f3 a1 77 0c 5e 91 2b d4 88 6a 13 c7' } as const;

/** Throughputs are of the file's size, its holes included, in bytes a millisecond. */
const WORK = {
  read: (path: string) => {
    const file = openSync(path, 'r');
    const piece = Buffer.alloc(PIECE);
    let bytes = 0;
    for (let read; (read = readSync(file, piece)) > 0;) bytes += read;
    closeSync(file);
    return bytes;
  },
  /** The classes that makedumpfile has, and no more. */
  exclude: (path: string) => {
    const { kernel } = Explorer.open({ paths: [path], entry: 'none' });
    const table = pageFlagsOf(kernel!.info.release);
    return countDumpClasses(new StructPages(kernel!.physical, kernel!.info), { ...(table ? { table } : {}) }).counts
      .free;
  },
  /** All classes, which need the kernel's symbols, its BTF and its tasks. */
  classify: (path: string) => {
    const explorer = Explorer.open({ paths: [path], entry: 'none' });
    return explorer.pages[0]?.classes.length ?? 0;
  },
  search: (path: string) => {
    const explorer = Explorer.open({ paths: [path], entry: 'none' });
    const began = performance.now();
    searchImage(explorer, NEEDLE);
    return statSync(path).size / (performance.now() - began);
  },
  compare: (path: string) => {
    const [first, second] = [path, path].map((file) => Explorer.open({ paths: [file], entry: 'none' }));
    const began = performance.now();
    compareImages(first!, second!);
    return (2 * statSync(path).size) / (performance.now() - began);
  },
};

const [name, path] = process.argv.slice(2) as [keyof typeof WORK, string];
const began = performance.now();
const result = WORK[name](path);
const milliseconds = performance.now() - began;
process.stdout.write(JSON.stringify({ result, milliseconds, peak: process.resourceUsage().maxRSS * 1024 }));
