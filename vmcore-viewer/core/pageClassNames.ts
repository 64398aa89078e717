/** The classes of pages: names, numbers, descriptions. */

/** One class. Its number is its place in `PAGE_CLASSES`. */
export interface PageClass {
  name: string;
  description: string;
  /** The bit of makedumpfile's dump level (-d) that leaves such pages out. */
  dumpLevel?: number;
}

/**
 * All classes, in the order in which they are decided: a page has the first one that fits. Those from free to offline are
 * makedumpfile's. Zero pages are no class: any page may hold zeros (`findZeroPages`).
 */
export const PAGE_CLASSES = [
  { name: 'absent', description: 'No struct page describes this page frame.' },
  { name: 'unreadable', description: 'The struct page of this page frame is not in the image.' },
  { name: 'free', description: "In a free block of the kernel's buddy allocator.", dumpLevel: 16 },
  { name: 'cache', description: 'Page cache: content of a file, of tmpfs or of a block device.', dumpLevel: 2 },
  {
    name: 'cachePrivate',
    description: 'Page cache to which a file system has attached data, as buffer heads.',
    dumpLevel: 4,
  },
  {
    name: 'user',
    description: 'Anonymous memory of programs: heap, stack, private mappings, huge pages.',
    dumpLevel: 8,
  },
  { name: 'hwpoison', description: 'Taken out of use after a hardware memory error.' },
  { name: 'offline', description: 'Logically offline: a balloon or memory hot-unplug has taken it.' },
  { name: 'slab', description: "Small objects of the kernel's slab allocator." },
  { name: 'pageTable', description: "A page table of a program's address space." },
  { name: 'kernelText', description: "Code of the kernel's image." },
  { name: 'kernelData', description: "Data of the kernel's image." },
  { name: 'reserved', description: 'Reserved: firmware, memory taken during boot, kexec’s own pages.' },
  { name: 'compound', description: 'In a compound page of several that the kernel allocated as one.' },
  { name: 'kernelStack', description: 'The stack that a task has in the kernel.' },
  { name: 'other', description: 'In use by the kernel: vmalloc, drivers, per-CPU lists of free pages.' },
] as const satisfies readonly PageClass[];

/** Classes that a page of any kernel has one of: makedumpfile's dump levels 16, 2, 4 and 8, and what a dump always keeps. */
export const DUMP_CLASSES = [
  ...(['free', 'cache', 'cachePrivate', 'user'] as const),
  ...(['slab', 'pageTable', 'reserved', 'other'] as const),
] as const satisfies readonly PageClassName[];

export type DumpClassName = (typeof DUMP_CLASSES)[number];

export type PageClassName = (typeof PAGE_CLASSES)[number]['name'];

/** Number of a class by its name. */
export const PAGE_CLASS = Object.fromEntries(PAGE_CLASSES.map(({ name }, number) => [name, number])) as Readonly<
  Record<PageClassName, number>
>;
