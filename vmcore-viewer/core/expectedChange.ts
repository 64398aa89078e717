/** What may become of a page between two moments of one boot of a kernel, by what the page is. */
import type { PageClassName } from './pageClassNames.ts';

/** Whether it is to be the same, may be another, or is nobody's. */
export type Expectation = 'same' | 'may change' | 'does not matter';

/** By class: what is expected, and why. */
export const EXPECTED_CHANGE: Readonly<Record<PageClassName, readonly [Expectation, string]>> = {
  absent: ['does not matter', 'the kernel does not know it: firmware, or what no RAM is'],
  unreadable: ['does not matter', 'what it was is not known'],
  free: ['does not matter', 'nobody reads it before it is written again'],
  cache: ['may change', 'files are read in, written and dropped'],
  cachePrivate: ['may change', 'files and metadata of file systems are read in, written and dropped'],
  user: ['may change', 'programs write to it'],
  hwpoison: ['does not matter', 'nobody uses it'],
  offline: ['does not matter', 'nobody uses it'],
  slab: ['may change', 'objects come and go'],
  pageTable: ['may change', 'mappings, and the bits "accessed" and "dirty" that the CPU sets'],
  // Tracing and static keys patch code while a kernel runs, but nothing does around a jump.
  kernelText: ['same', 'code is written while the kernel starts, later only by tracing, static keys and live patches'],
  kernelData: ['may change', 'variables'],
  reserved: ['may change', 'firmware, the real-mode trampoline, and memory that was taken while the kernel started'],
  compound: ['may change', 'large objects of the kernel'],
  kernelStack: ['may change', 'each call writes to it'],
  other: ['may change', 'vmalloc, drivers, and the pages that kexec has taken'],
};
