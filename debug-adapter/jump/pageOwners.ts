/** Whose a page is in a kernel: its class by VMCOREINFO, and the symbols of the kernel's image. */
import type { PageOwners } from '../../vmcore-viewer/core/auditFindings.ts';
import { PAGE_CLASS, PAGE_CLASSES } from '../../vmcore-viewer/core/pageClassNames.ts';
import { PAGE_SIZE, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { Kernel } from './kernel.ts';
import { kernelPages, type KernelPages } from './kernelPages.ts';

export class KernelOwners implements PageOwners {
  /** Why the classes are not known. */
  readonly problem: string | undefined;
  private readonly found: KernelPages | undefined;

  /** @param memory as the kernel knows it. */
  constructor(
    memory: PhysicalMemory,
    private readonly kernel: Kernel,
  ) {
    try {
      this.found = kernelPages(kernel, memory);
      if (!this.found) this.problem = `No VMCOREINFO of kernel ${kernel.name} was found.`;
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }

  ownerOf(pfn: number): string {
    return this.found ? PAGE_CLASSES[this.found.classes[pfn] ?? PAGE_CLASS.absent]!.name : 'unknown';
  }

  symbolsIn(pfn: number, pages: number): string | undefined {
    const { kernel } = this;
    const linked = pfn * PAGE_SIZE + kernel.pageOffset - (kernel.boot.offset ?? 0);
    const found = kernel.file.symbolsIn(linked, pages * PAGE_SIZE);
    return found && (found[0] === found[1] ? found[0].name : `${found[0].name} … ${found[1].name}`);
  }

  /** Whether kexec may have allocated a page; `undefined` where the classes do not tell. */
  get isKexecs(): ((pfn: number) => boolean) | undefined {
    const { found } = this;
    if (!found || found.undecided.some((entry) => entry.class === 'reserved')) return undefined;
    return (pfn) => found.classes[pfn] === PAGE_CLASS.reserved;
  }
}
