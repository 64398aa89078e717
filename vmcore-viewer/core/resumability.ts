/** Whether a kernel can be resumed from a memory image: each rule that kexec and the jump back have, checked and explained. */
import { hex, MemoryError } from './errors.ts';
import { readImageJump, type ImageJump } from './imageJump.ts';
import { PRESENCE, type MemoryImage } from './images/memoryImage.ts';
import { PAGE_CLASS, PAGE_CLASSES, type PageClassName } from './pageClassNames.ts';
import { readVirtual } from './pageTables/i386.ts';
import { PAGE_SIZE } from './physicalMemory.ts';
import { readResumeNote } from './resumeNote.ts';

/** A rule's outcome; `unknown` where the image does not tell. */
export interface RuleOutcome {
  /** From 1: rules are cited by it. */
  number: number;
  title: string;
  verdict: 'holds' | 'broken' | 'unknown';
  /** A sentence that says what was found. */
  finding: string;
  /** What to do, where it does not hold. */
  remedy?: string;
}

export interface Resumability {
  verdict: 'resumable' | 'notResumable' | 'unknown';
  rules: RuleOutcome[];
}

/** What an image is to be resumed with. */
export interface ResumeQuestion {
  image: MemoryImage;
  /** Physical address at which the kernel is entered again; 'none' when all of the memory was looked through in vain. */
  entry: number | 'none' | undefined;
  /** Bytes of memory of the kernel that loads the image (kernel C), if that is known. */
  loaderMemory?: number | undefined;
  /** The classes of the pages of the kernel that left; without them what it uses is not known. */
  known?: { classes: Uint8Array } | undefined;
}

/** Source: include/uapi/linux/kexec.h, KEXEC_SEGMENT_MAX. */
const MOST_SEGMENTS = 16;
/** Source: makedumpfile(8), -d: cache, private cache and user pages. Zero pages and free ones need not come back. */
const NEEDED_LEVELS = 2 | 4 | 8;
/** Source: Intel SDM volume 3, section 2.5: CR0.PE and CR0.PG. */
const PROTECTED_AND_PAGED = 0x80000001;
/** Classes of pages whose content a kernel does not miss. */
const DISPENSABLE: ReadonlySet<PageClassName> = new Set([
  'absent',
  'unreadable',
  'free',
  'reserved',
  'hwpoison',
  'offline',
]);
/** Classes that a dump level leaves out: a page of theirs that is not there may have been anything. */
const LEFT_OUT_BY_CLASS: ReadonlySet<PageClassName> = new Set(['cache', 'cachePrivate', 'user']);
/** What relocate_kernel has pushed at the saved stack pointer, with the return address: six words. */
const SAVED_STACK = 24;
const MEBIBYTE = 1 << 20;

type Outcome = Pick<RuleOutcome, 'verdict' | 'finding' | 'remedy'>;
const holds = (finding: string): Outcome => ({ verdict: 'holds', finding });
const broken = (finding: string, remedy: string): Outcome => ({ verdict: 'broken', finding, remedy });
const unknown = (finding: string, remedy: string): Outcome => ({ verdict: 'unknown', finding, remedy });

/** Checks all rules; one that needs another that is broken is unknown. */
export function judgeResumability(question: ResumeQuestion): Resumability {
  const { image } = question;
  let jump: ImageJump | undefined;
  const reentry = ((): Outcome => {
    const { entry } = question;
    if (entry === 'none') {
      return broken(
        'No kernel has left by a jump in this image: nowhere in its memory is a control page.',
        'Only what kernel B saves after a jump can be resumed; this is a kernel that did not leave, as after a crash.',
      );
    }
    if (entry === undefined) {
      return unknown(
        'The image does not tell its re-entry point.',
        'Give the number behind kexec_jump_back_entry= of /proc/cmdline.',
      );
    }
    try {
      jump = readImageJump(image, entry);
      return holds(`${hex(entry)} is the instruction behind the call by which the kernel left.`);
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      return broken(error.message, 'Give the re-entry point of the kernel that this image was made of.');
    }
  })();
  const ofJump = (look: (found: ImageJump) => Outcome): Outcome =>
    jump ? look(jump) : unknown('It is not known without a re-entry point.', 'See the rule "re-entry point".');
  const outcomes: [string, Outcome][] = [
    ['File format', formatOf(image)],
    ['Machine', machineOf(image)],
    ['Re-entry point', reentry],
    ['Control page', ofJump((found) => controlPageOf(image, found))],
    ['Page list', ofJump((found) => pageListOf(image, found))],
    ['Number of segments', segmentsOf(image)],
    ['All memory', ofJump((found) => memoryOf(question, found))],
    ['Pages left out', leftOut(image)],
    ['Size', sizeOf(question)],
  ];
  const rules = outcomes.map(([title, outcome], index) => ({ number: index + 1, title, ...outcome }));
  const has = (verdict: RuleOutcome['verdict']): boolean => rules.some((rule) => rule.verdict === verdict);
  return { rules, verdict: has('broken') ? 'notResumable' : has('unknown') ? 'unknown' : 'resumable' };
}

function formatOf({ format, container, flattened, complete }: MemoryImage): Outcome {
  if (container !== 'elf') {
    const remedy = 'Copy /proc/vmcore, or write the image with makedumpfile -E.';
    return broken(`It is ${format}; kexec loads ELF cores only.`, remedy);
  }
  if (flattened) return broken(`It is an ${format}; kexec does not load that.`, 'Rearrange it with makedumpfile -R.');
  if (!complete) return broken(`It is an ${format}, and not all of it is there.`, 'Copy it again, whole.');
  return holds(`It is an ${format}, which kexec loads.`);
}

function machineOf({ machine }: MemoryImage): Outcome {
  return machine === 'i386'
    ? holds('It is of an i386 kernel.')
    : broken(`It is of a machine "${machine ?? 'unknown'}".`, 'Only i386 kernels are resumed.');
}

function controlPageOf(image: MemoryImage, { saved, asItLeft }: ImageJump): Outcome {
  const wrong: string[] = [];
  if (saved.virtual % PAGE_SIZE !== 0) wrong.push(`its own virtual address ${hex(saved.virtual)} is not a page's`);
  if ((saved.cr0 & PROTECTED_AND_PAGED) >>> 0 !== PROTECTED_AND_PAGED) {
    wrong.push(`CR0 ${hex(saved.cr0)} has no paging`);
  }
  // The page directory is used when the pages are back, the swap page before.
  for (const [name, page, now] of [
    ['the page directory of the jump', saved.pageDirectory, asItLeft.locate(saved.pageDirectory)],
    ['the swap page', saved.swapPage, saved.swapPage],
  ] as const) {
    if (!isLoaded(image, now)) wrong.push(`${name} at ${hex(page)} is not in the image`);
  }
  if (!readVirtual(asItLeft, saved, saved.esp, SAVED_STACK)) {
    wrong.push(`the saved stack at ${hex(saved.esp)} is not reached through CR3 ${hex(saved.cr3)}`);
  }
  return wrong.length === 0
    ? holds('Registers, page directory, swap page and stack are as a kernel leaves them.')
    : broken(`${wrong.join('; ')}.`, 'The image is damaged, or was taken before the kernel had left: save it again.');
}

function pageListOf(image: MemoryImage, { list, broken: fault }: ImageJump): Outcome {
  const again = 'Save the image again, with all of memory but the window.';
  if (fault) {
    return broken(`The entry ${hex(fault.value)} at ${hex(fault.address)} ${fault.why}.`, again);
  }
  // A self page holds nothing of the kernel's.
  const sources = list.exchanges
    .filter(({ source, destination }) => source !== destination)
    .map(({ source }) => source);
  const missing = [...list.indirectionPages, ...sources].filter((page) => !isLoaded(image, page));
  return missing.length === 0
    ? holds(
        `Its ${list.exchanges.length} exchanges and ${list.indirectionPages.length} indirection pages are all in the image.`,
      )
    : broken(`${missing.length} of its pages are not in the image, the first at ${hex(missing[0]!)}.`, again);
}

/** An image with our note is loaded by --load-resume-image, to which regions that touch are one segment. */
function segmentsOf({ regions, notes }: MemoryImage): Outcome {
  const touches = (index: number): boolean => {
    const before = regions[index - 1];
    return before !== undefined && before.address + before.length === regions[index]!.address;
  };
  const count = readResumeNote(notes) ? regions.filter((_, index) => !touches(index)).length : regions.length;
  return count <= MOST_SEGMENTS
    ? holds(`${count} of at most ${MOST_SEGMENTS}.`)
    : broken(
        `${count} regions; kexec_load takes at most ${MOST_SEGMENTS} segments.`,
        'Save with fewer holes in memory, or let the loader write the pages to their places itself.',
      );
}

/** What the kernel has in use must come back: from the image, or by the jump's own swap from the pages where it waits. */
function memoryOf({ image, known }: ResumeQuestion, jump: ImageJump): Outcome {
  if (!known)
    return unknown(
      'The classes of its pages are not known.',
      'See that all of its memory but the window is in the image.',
    );
  const { classes } = known;
  const kexecs = new Set(jump.list.exchanges.map(({ source }) => source / PAGE_SIZE));
  const missing = new Map<PageClassName, number>();
  classes.forEach((found, pfn) => {
    const { name } = PAGE_CLASSES[found]!;
    if (DISPENSABLE.has(name) || kexecs.has(pfn)) return;
    const page = jump.asItLeft.locate(pfn * PAGE_SIZE);
    if (LEFT_OUT_BY_CLASS.has(name) ? isThere(image, page) : isLoaded(image, page)) return;
    missing.set(name, (missing.get(name) ?? 0) + 1);
  });
  const unreadable = classes.reduce((sum, found) => sum + Number(found === PAGE_CLASS.unreadable), 0);
  if (missing.size === 0 && unreadable > 0) {
    return unknown(
      `What ${unreadable} pages are is not known: their struct pages are not in the image.`,
      'Save the image again, with all of memory but the window.',
    );
  }
  if (missing.size === 0) return holds(`All pages that the kernel uses of its ${classes.length} are in the image.`);
  const list = [...missing].map(([name, count]) => `${count} ${name}`).join(', ');
  return broken(`Pages that the kernel uses are not in the image: ${list}.`, 'Save all of memory but the window.');
}

function leftOut({ dumpLevel }: MemoryImage): Outcome {
  const needed = (dumpLevel ?? 0) & NEEDED_LEVELS;
  if (needed === 0)
    return holds(dumpLevel ? `Level ${dumpLevel}: zero and free pages only.` : 'None that is known of.');
  return broken(
    `Level ${dumpLevel} leaves out pages that the kernel needs (its bits ${needed}).`,
    'Save with level 0, 1, 16 or 17.',
  );
}

/**
 * Kernel C's memory, by the two ways back. Source: kernel/kexec_core.c, sanity_check_segment_list(): the segments may have half of all
 * memory; qemu-runner/guest/kexec-tools/patches, lives_in_window(): a C in the window needs no copy.
 */
function sizeOf({ image, loaderMemory }: ResumeQuestion): Outcome {
  const bytes = image.regions.reduce((sum, { length }) => sum + length, 0);
  const load = `${mib(bytes)} to be loaded: kexec_load copies them first, so kernel C needs ${mib(2 * bytes)} to load them`;
  const note = readResumeNote(image.notes);
  const [first, last] = note?.window ?? [];
  const isLow = first !== undefined && first <= MEBIBYTE;
  const copy =
    note === undefined || first === undefined || last === undefined
      ? 'the image has no note of its window, without which they are not copied to their places'
      : `no more than kernel A had (${mib(note.memoryEnd)}) to copy them to their places, if it lives in the window ${hex(first)}-${hex(last)}` +
        (isLow ? ` (mem=${mibBelow(last)}M)` : '');
  const needs = `${load}; ${copy}`;
  if (loaderMemory === undefined) return holds(`${needs}. How much kernel C has was not given.`);
  const has = `${needs}. Kernel C has ${mib(loaderMemory)}`;
  if (loaderMemory >= 2 * bytes) return holds(`${has}: it can load them.`);
  if (isLow && loaderMemory <= last! + 1) return holds(`${has}, all of it in the window: it can copy them.`);
  return broken(
    `${has}: it can do neither.`,
    `Boot kernel C with ${mib(2 * bytes)} of memory${isLow ? ` or with mem=${mibBelow(last!)}M` : ''}, or leave out free and zero pages (level 17).`,
  );
}

function isThere(image: MemoryImage, page: number): boolean {
  return image.presence(page / PAGE_SIZE, 1)[0] === PRESENCE.present;
}

/**
 * Whether a page of no class that is left out will be as it was: what an ELF file does not have of a segment is loaded as zeros, and a
 * page that was left out for its content was zeros.
 */
function isLoaded(image: MemoryImage, page: number): boolean {
  const [presence] = image.presence(page / PAGE_SIZE, 1);
  return presence === PRESENCE.present || (presence === PRESENCE.filtered && image.container === 'elf');
}

const mib = (bytes: number): string => `${Math.ceil(bytes / MEBIBYTE)} MiB`;
/** Whole MiB up to an address. */
const mibBelow = (last: number): number => Math.floor((last + 1) / MEBIBYTE);
