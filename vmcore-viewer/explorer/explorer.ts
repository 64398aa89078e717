/** An open memory image: its kernels, its jump, the classes of its pages. Reads the file when asked, in pieces. */
import { MemoryError } from '../core/errors.ts';
import { findBtf, type Btf } from '../core/btf.ts';
import type { ImageJump } from '../core/imageJump.ts';
import { findKernels, findNotedKernel, type ImageKernel, type LostKernel } from '../core/imageKernels.ts';
import { scanImage, type ImageScan } from '../core/imageScan.ts';
import { Kallsyms } from '../core/kallsyms.ts';
import { findStacks, type StackPages } from '../core/kernelStacks.ts';
import { offsetsOf, type KernelStructs } from '../core/kernelStructs.ts';
import { withParts } from '../core/images/kdump/splitSet.ts';
import type { MemoryImage } from '../core/images/memoryImage.ts';
import { bytesText } from '../core/images/imageText.ts';
import { openImage } from '../core/images/open.ts';
import { classifyPages, type PageClassification } from '../core/pageClasses.ts';
import { pageFlagsOf } from '../core/pageFlags.ts';
import type { PageKnowledge } from '../core/pageRules.ts';
import { PAGE_SIZE } from '../core/physicalMemory.ts';
import { StructPages } from '../core/structPage.ts';
import type { SymbolTable } from '../core/symbolTable.ts';
import { TASK_FIELDS, taskLayout, type TaskLayout } from '../core/tasks.ts';
import { findVmcoreInfo } from '../core/vmcoreInfoScan.ts';
import { hasDebugIndex, readVmlinux, symbolsInMemory } from '../core/vmlinux.ts';
import { UNWATCHED, type Watcher } from '../core/watch.ts';
import { findVmlinux } from './findVmlinux.ts';
import { VmlinuxStructs } from './vmlinuxStructs.ts';
import { findJump, type EntrySource } from './findJump.ts';
import type { ImageSummary, ImageToOpen } from './protocol.ts';

/** Of a map, each of which has bytes of its own: 512 GiB. A file can say that there is memory at any address. */
const MOST_PAGES = 1 << 27;

/** A kernel's struct pages and what they say. */
export interface KnownPages extends PageClassification {
  kernel: ImageKernel;
  pages: StructPages;
  knowledge: PageKnowledge;
  /** The kernel's own symbols; of one that has none the summary says why. */
  symbols: SymbolTable | undefined;
}

export class Explorer {
  readonly jump: ImageJump | undefined;
  /** Who has told the re-entry point of it. */
  readonly entryFrom: EntrySource | undefined;
  readonly kernels: readonly ImageKernel[];
  readonly lost: readonly LostKernel[];
  private readonly sentences: string[] = [];
  private known: KnownPages[] | undefined;
  /** The vmlinux of each: build ids of files are read to find it. */
  private readonly found = new Map<ImageKernel, string | undefined>();
  private readonly symbols = new Map<ImageKernel, SymbolTable | undefined>();
  private readonly btf = new Map<ImageKernel, Btf>();
  /** By the path of a vmlinux: gdb is asked once, also where it does not know. */
  private readonly asked = new Map<string, VmlinuxStructs | MemoryError>();
  private scan: ImageScan | undefined;

  private constructor(
    readonly image: MemoryImage,
    entry: ImageToOpen['entry'],
    /** Hears of all that takes long. */
    readonly watch: Watcher,
    /** Files that may be the vmlinux of its kernel. */
    readonly vmlinux: readonly string[],
  ) {
    const entries = (): readonly number[] => this.entries;
    const found = this.attempt(() => findJump(image, entry, entries, (sentence) => this.sentences.push(sentence)));
    this.jump = found?.jump;
    this.entryFrom = found?.from;
    // If nothing is said of a jump, a kernel is alone in the memory: nobody waits for all of the file to be read, if its note tells
    // where it is.
    const isOfJump = this.scan !== undefined || this.jump !== undefined || typeof entry === 'number';
    const alone = isOfJump ? undefined : findNotedKernel(image, image.vmcoreInfo);
    const { kernels, lost } = alone ? { kernels: [alone], lost: [] } : this.findKernels();
    this.kernels = kernels;
    this.lost = lost;
  }

  /**
   * @throws MemoryError when the file cannot be read as a memory image; the system's error when it cannot be opened;
   * Cancelled when the watch says so, here and in all that reads much.
   */
  static open({ paths, entry, vmlinux = [] }: ImageToOpen, watch: Watcher = () => UNWATCHED): Explorer {
    const image = openImage(withParts(paths));
    try {
      return new Explorer(image, entry, watch, vmlinux);
    } catch (error) {
      image.close();
      throw error;
    }
  }

  /** The vmlinux of a kernel in the image, if it is on this machine. */
  vmlinuxOf(kernel: ImageKernel): string | undefined {
    if (!this.found.has(kernel)) this.found.set(kernel, findVmlinux(kernel.info, this.vmlinux));
    return this.found.get(kernel);
  }

  /**
   * The symbols that a kernel carries itself; those of its vmlinux, if that is on this machine, where it has none, or only those of
   * functions (without CONFIG_KALLSYMS_ALL).
   */
  symbolsOf(kernel: ImageKernel): SymbolTable | undefined {
    if (!this.symbols.has(kernel)) {
      const own = this.attempt(() => Kallsyms.read(kernel.memory, kernel.info));
      const vmlinux = own?.address('init_task') === undefined ? this.vmlinuxOf(kernel) : undefined;
      const others = vmlinux === undefined ? undefined : this.attempt(() => readVmlinux(vmlinux));
      this.symbols.set(kernel, others ? symbolsInMemory(others, kernel.info) : own);
    }
    return this.symbols.get(kernel);
  }

  /**
   * Who knows the structures of a kernel: itself, or its vmlinux, if that is on this machine.
   * @param isUrgent whether somebody would rather have none than wait half a minute for gdb.
   * @throws MemoryError without gdb.
   */
  structsOf(kernel: ImageKernel, isUrgent = false): KernelStructs | undefined {
    const btf = this.btf.get(kernel) ?? findBtf(kernel.memory, this.symbolsOf(kernel));
    if (btf) this.btf.set(kernel, btf);
    const vmlinux = btf ? undefined : this.vmlinuxOf(kernel);
    if (vmlinux === undefined || (isUrgent && !this.asked.has(vmlinux) && !hasDebugIndex(vmlinux))) return btf;
    const structs = this.asked.get(vmlinux) ?? askGdb(vmlinux);
    this.asked.set(vmlinux, structs);
    if (structs instanceof MemoryError) throw structs;
    return structs;
  }

  /** What is needed to read the tasks of a kernel; `undefined` where nobody knows its structures. @throws MemoryError. */
  tasksOf(kernel: ImageKernel, isUrgent = false): TaskLayout | undefined {
    const structs = this.structsOf(kernel, isUrgent);
    return structs && taskLayout(offsetsOf(structs, TASK_FIELDS), (name) => this.symbolsOf(kernel)?.address(name));
  }

  /** Virtual address of a symbol of that kernel. */
  symbol(name: string): bigint | undefined {
    return this.pages[0]?.symbols?.address(name) ?? this.kernel?.info.symbol(name);
  }

  /** The kernel that the image is about: the one that left by a jump, else the first. */
  get kernel(): ImageKernel | undefined {
    return this.kernels[0];
  }

  /** The page frame in which is now what that kernel has in one of its own. */
  locate(pfn: number): number {
    if (this.kernel?.view !== 'asItLeft') return pfn;
    return this.jump!.asItLeft.locate(pfn * PAGE_SIZE) / PAGE_SIZE;
  }

  /** Struct pages and classes of all kernels in the image; of those that cannot be read the summary says why. */
  get pages(): readonly KnownPages[] {
    this.known ??= this.kernels.flatMap((kernel) => this.attempt(() => this.pagesOf(kernel)) ?? []);
    return this.known;
  }

  /** Page frames, from 0, that a map of the image has. */
  get pageCount(): number {
    return Math.min(Math.ceil(this.image.size / PAGE_SIZE), MOST_PAGES);
  }

  get summary(): ImageSummary {
    const { image, kernels, jump } = this;
    const mapped = this.pageCount * PAGE_SIZE;
    const nothing = kernels.length === 0 && this.lost.length === 0;
    return {
      title: kernels[0]?.info.release ? `Memory of Linux ${kernels[0].info.release}` : 'Memory image',
      format: image.format,
      facts: [...image.facts],
      kernels: kernels.map(({ view, info, foundAt }) => ({
        ...{ view, foundAt, release: info.release ?? 'unknown', buildId: info.buildId },
      })),
      entry: jump?.entry,
      problems: [
        ...image.problems,
        ...this.sentences,
        ...this.lost.map(({ why }) => why),
        ...(mapped < image.size
          ? [
              `The page map and a search's layer end at ${bytesText(mapped)}: the file says that memory goes on up to ${bytesText(image.size)}.`,
            ]
          : []),
        ...(nothing ? ['There is no VMCOREINFO in this image: its pages have no classes.'] : []),
      ],
    };
  }

  /**
   * Where the kernel that left is entered again, as the rules of a resume ask: 'none' when nobody tells and a search of all of the
   * memory has found nothing. What is left out at a dump level is no control page.
   */
  get reentryPoint(): number | 'none' | undefined {
    if (this.jump) return this.jump.entry;
    return this.image.complete && this.scan?.entries.length === 0 ? 'none' : undefined;
  }

  /** Re-entry points of all control pages that kernels have left by. Goes through the whole image. */
  get entries(): readonly number[] {
    const { image } = this;
    this.scan ??= scanImage(image, image.dataRanges(), this.watch('Looking for re-entry points'));
    return this.scan.entries;
  }

  close(): void {
    this.image.close();
  }

  private findKernels(): ReturnType<typeof findKernels> {
    const { image, jump } = this;
    // The search for the jump has come across them.
    const scanned =
      this.scan?.vmcoreInfo ?? findVmcoreInfo(image, image.dataRanges(), this.watch('Looking for kernels'));
    return findKernels(image, image.vmcoreInfo, jump, scanned);
  }

  private pagesOf(kernel: ImageKernel): KnownPages {
    const symbols = this.symbolsOf(kernel);
    const pages = new StructPages(kernel.physical, kernel.info);
    const stacks = this.attempt(() => this.stacksOf(kernel));
    const knowledge = { ...knowledgeOf(kernel, symbols), ...(stacks ? { stacks } : {}) };
    return { kernel, pages, knowledge, symbols, ...classifyPages(pages, knowledge, this.watch('Classifying pages')) };
  }

  private stacksOf(kernel: ImageKernel): StackPages | undefined {
    const tasks = this.tasksOf(kernel, true);
    return tasks && findStacks(kernel.memory, tasks, this.watch('Looking for stacks'));
  }

  private attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      this.sentences.push(error.message);
      return undefined;
    }
  }
}

function askGdb(vmlinux: string): VmlinuxStructs | MemoryError {
  try {
    return new VmlinuxStructs(vmlinux);
  } catch (error) {
    if (error instanceof MemoryError) return error;
    throw error;
  }
}

function knowledgeOf({ info }: ImageKernel, symbols: SymbolTable | undefined): PageKnowledge {
  const table = pageFlagsOf(info.release);
  const [text, endOfText, end] = ['_text', '_etext', '_end'].map((name) => symbols?.address(name));
  return {
    ...(table ? { table } : {}),
    ...(text !== undefined && endOfText !== undefined && end !== undefined
      ? { image: { _text: text, _etext: endOfText, _end: end } }
      : {}),
  };
}
