/**
 * What is to be known of an image, as data: the JSON of `kexec-jump image`, which docs/image-json.md documents. Numbers are numbers,
 * addresses and values of registers hexadecimal strings; what is not known is null.
 */
import { hex, KeysMissing, MemoryError, pagesWithoutClass, vmlinuxNotCompared } from '../core/errors.ts';
import { vmlinuxOfOtherBuild } from '../core/errors.ts';
import type { ImageJump } from '../core/imageJump.ts';
import type { ImageKernel } from '../core/imageKernels.ts';
import { countContents } from '../core/images/pageContents.ts';
import type { MemoryImage } from '../core/images/memoryImage.ts';
import { readBanner } from '../core/kernelBanner.ts';
import { registersOfJump, registersOfNotes, type RegisterValues } from '../core/kernelRegisters.ts';
import { countDumpClasses } from '../core/pageClasses.ts';
import type { DumpClassName } from '../core/pageClassNames.ts';
import { pageFlagsOf } from '../core/pageFlags.ts';
import type { UndecidedClass } from '../core/pageRules.ts';
import { PAGE_SIZE } from '../core/physicalMemory.ts';
import { judgeResumability, type RuleOutcome } from '../core/resumability.ts';
import { StructPages } from '../core/structPage.ts';
import type { SymbolTable } from '../core/symbolTable.ts';
import { symbolsInMemory, type Vmlinux } from '../core/vmlinux.ts';
import type { Explorer } from './explorer.ts';
import type { EntrySource } from './findJump.ts';

/** Page frames from 0 to before `maxPfn`; all but `zero` make `maxPfn` together. */
export interface PageFacts {
  /** In the image. */
  present: number;
  /** Those of `present` that hold nothing but zeros. */
  zero: number;
  /** Memory that was left out when the image was written. */
  excluded: number;
  /** No memory, as far as the image tells. */
  absent: number;
  /** Should be in the image and cannot be read. */
  lost: number;
}

/** The jump by which a kernel left whose memory this is. */
export interface OverlayFacts {
  entry: string;
  controlPage: string;
  /** `self` and `exchanged` together. */
  destinations: number;
  /** Destinations that are their own source. */
  self: number;
  /** Pairs of two different pages. */
  exchanged: number;
  indirectionPages: number;
  /** Physical addresses of the first and of the last byte between which all destinations are. */
  window: [first: string, last: string] | null;
  from: EntrySource;
}

export interface RegisterFacts {
  /** The note's number, from 0; null for what a kernel left with by a jump. */
  cpu: number | null;
  from: 'note' | 'jump';
  /** The kernel's function that is executed, and the offset in it. */
  at: string | null;
  /** By gdb's names. */
  values: Record<string, string>;
}

export interface ImageFacts {
  format: {
    container: MemoryImage['container'];
    bits: 32 | 64 | null;
    machine: string | null;
    flattened: boolean;
    complete: boolean;
  };
  /** Bytes. */
  pageSize: number;
  /** One more than the highest page frame number. */
  maxPfn: number;
  pages: PageFacts;
  vmcoreinfo: { osrelease: string | null; from: 'note' | 'scan' | 'overlay' } | null;
  banner: string | null;
  overlay: OverlayFacts | null;
  registers: RegisterFacts[];
  classes: Record<DumpClassName, number> | null;
  /** Pages whose struct page cannot be read: with the sum of `classes` all that a struct page describes. */
  unclassified: number;
  /** Classes that are not told apart; their pages are in others. */
  undecided: UndecidedClass[];
  /** `reasons`: the rules that do not hold or cannot be judged. */
  resumable: { verdict: ReturnType<typeof judgeResumability>['verdict']; reasons: RuleOutcome[] };
  /** Only when one was given. `matches` is null when one of the builds is not known. */
  vmlinux?: { path: string; buildId: string | null; matches: boolean | null };
  /** Sentences: what is damaged, missing or not known. */
  problems: string[];
}

/** What an image is to be looked at with. */
export interface FactsQuestion {
  /** Physical re-entry point that the image was opened with. */
  entry?: number | undefined;
  vmlinux?: Vmlinux | undefined;
  /** Bytes of memory of the kernel that is to resume the image. */
  loaderMemory?: number | undefined;
}

/** @returns the facts, and whether something that should be in the image is not, or what was given does not fit to it. */
export function imageFacts(explorer: Explorer, question: FactsQuestion): { facts: ImageFacts; isDamaged: boolean } {
  const { image, jump, kernel } = explorer;
  const problems: string[] = [];
  const damages: string[] = [];
  const vmlinux = question.vmlinux && compareBuilds(question.vmlinux, explorer, problems);
  const given = vmlinux?.matches === false ? undefined : question.vmlinux;
  let ofVmlinux: SymbolTable | undefined;
  const symbols = (): SymbolTable | undefined =>
    kernel && (explorer.symbolsOf(kernel) ?? (given && (ofVmlinux ??= symbolsInMemory(given, kernel.info))));
  const classes = kernel && classesOf(kernel, problems, damages);
  if (classes && classes.unreadable > 0) damages.push(pagesWithoutClass(classes.unreadable));
  const pages = pagesOf(image);
  // Last, since only now all of it has been read.
  const known = jump ? explorer.pages.find((each) => each.kernel === kernel) : undefined;
  const entry = explorer.reentryPoint ?? question.entry;
  const { verdict, rules } = judgeResumability({ image, entry, known, loaderMemory: question.loaderMemory });
  const isLost = !kernel && explorer.lost.some(({ lacksKeys }) => !lacksKeys);
  const isElsewhere = question.entry !== undefined && !jump;
  const facts: ImageFacts = {
    format: {
      container: image.container,
      bits: image.bits ?? null,
      machine: image.machine ?? machineOf(kernel),
      flattened: image.flattened,
      complete: image.complete,
    },
    pageSize: image.pageSize,
    maxPfn: Math.ceil(image.size / image.pageSize),
    pages,
    vmcoreinfo: vmcoreInfoOf(explorer),
    banner: (kernel && readBanner(kernel.memory, kernel.info, symbols)) ?? null,
    overlay: jump ? overlayOf(jump, explorer.entryFrom!) : null,
    registers: registersOf(explorer, symbols),
    classes: classes?.counts ?? null,
    unclassified: classes?.unreadable ?? 0,
    undecided: classes?.undecided ?? [],
    resumable: { verdict, reasons: rules.filter((rule) => rule.verdict !== 'holds') },
    ...(vmlinux ? { vmlinux } : {}),
    problems: [...new Set([...explorer.summary.problems, ...problems, ...damages])],
  };
  const isWhole = image.complete && pages.lost === 0 && !isLost && !isElsewhere && !jump?.broken;
  return { facts, isDamaged: damages.length > 0 || !isWhole || vmlinux?.matches === false };
}

function pagesOf(image: MemoryImage): PageFacts {
  // Before the content is read: what turns out to be damaged is counted then.
  const { present, absent, filtered, unreadable } = image.countPresence();
  const { zero, damaged } = countContents(image);
  return { present: present - damaged, zero, excluded: filtered, absent, lost: unreadable + damaged };
}

function machineOf(kernel: ImageKernel | undefined): string | null {
  return kernel ? (kernel.memory.wordSize === 8 ? 'x86_64' : 'i386') : null;
}

function vmcoreInfoOf({ kernel, lost, jump }: Explorer): ImageFacts['vmcoreinfo'] {
  const told = kernel ?? lost[0];
  if (!told) return null;
  const { foundAt, info, view } = told;
  // In its own place it would have been found without the jump.
  const isMoved = foundAt !== 'note' && view === 'asItLeft' && jump?.asItLeft.locate(foundAt) !== foundAt;
  return { osrelease: info.release ?? null, from: foundAt === 'note' ? 'note' : isMoved ? 'overlay' : 'scan' };
}

function overlayOf({ entry, controlPage, list }: ImageJump, from: EntrySource): OverlayFacts {
  const { exchanges, indirectionPages } = list;
  let [self, first, last] = [0, Infinity, -Infinity];
  for (const { destination, source } of exchanges) {
    if (destination === source) self++;
    first = Math.min(first, destination);
    last = Math.max(last, destination + PAGE_SIZE - 1);
  }
  return {
    entry: hex(entry),
    controlPage: hex(controlPage),
    destinations: exchanges.length,
    self,
    exchanged: exchanges.length - self,
    indirectionPages: indirectionPages.length,
    window: exchanges.length === 0 ? null : [hex(first), hex(last)],
    from,
  };
}

function registersOf({ image, jump, kernel }: Explorer, symbols: () => SymbolTable | undefined): RegisterFacts[] {
  const code = kernel?.info.symbol('_stext');
  const at = (values: RegisterValues): string | null => {
    const pointer = values['eip'] ?? values['rip'];
    const isKernels = pointer !== undefined && code !== undefined && pointer >= code && !((values['cs'] ?? 0n) & 3n);
    const symbol = isKernels ? symbols()?.before(pointer) : undefined;
    return symbol ? `${symbol.name}+${hex(pointer! - symbol.address)}` : null;
  };
  const facts = (cpu: number | null, from: 'note' | 'jump', values: RegisterValues): RegisterFacts => ({
    ...{ cpu, from, at: at(values) },
    values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, hex(value)])),
  });
  return [
    ...registersOfNotes(image.notes).flatMap((values, cpu) => (values ? [facts(cpu, 'note', values)] : [])),
    ...(jump ? [facts(null, 'jump', registersOfJump(jump))] : []),
  ];
}

/** Counted from the struct pages alone, so also for pages that the image does not have. */
function classesOf(
  { physical, info }: ImageKernel,
  problems: string[],
  damages: string[],
): ReturnType<typeof countDumpClasses> | undefined {
  try {
    const table = pageFlagsOf(info.release);
    return countDumpClasses(new StructPages(physical, info), table ? { table } : {});
  } catch (error) {
    if (error instanceof KeysMissing) problems.push(error.message);
    else if (error instanceof MemoryError) damages.push(error.message);
    else throw error;
    return undefined;
  }
}

/** By build ids: that of VMCOREINFO, and that in the ELF notes of the vmlinux. */
function compareBuilds(
  { path, buildId }: Vmlinux,
  { kernel, lost }: Explorer,
  problems: string[],
): ImageFacts['vmlinux'] & object {
  const info = (kernel ?? lost[0])?.info;
  const kernels = info?.buildId?.toLowerCase();
  const matches = buildId === undefined || kernels === undefined ? null : buildId === kernels;
  if (matches === null) problems.push(vmlinuxNotCompared(path, buildId === undefined ? 'that file' : 'the image'));
  if (matches === false) problems.push(vmlinuxOfOtherBuild(path, buildId!, info?.release ?? '(unknown)', kernels!));
  return { path, buildId: buildId ?? null, matches };
}
