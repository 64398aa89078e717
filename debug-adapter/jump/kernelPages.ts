/** The pages of one kernel as it knows them, while it is live or dormant. */
import { classifyPages, type PageClassification } from '../../vmcore-viewer/core/pageClasses.ts';
import { findStacks } from '../../vmcore-viewer/core/kernelStacks.ts';
import { pageFlagsOf } from '../../vmcore-viewer/core/pageFlags.ts';
import type { PageKnowledge } from '../../vmcore-viewer/core/pageRules.ts';
import { PAGE_SIZE, readWord, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { StructPages } from '../../vmcore-viewer/core/structPage.ts';
import { taskLayout } from '../../vmcore-viewer/core/tasks.ts';
import { VmcoreInfo } from '../../vmcore-viewer/core/vmcoreInfo.ts';
import type { Kernel } from './kernel.ts';

/** All struct pages of a kernel, and what its vmlinux adds to them. */
export interface KernelPages extends PageClassification {
  pages: StructPages;
  knowledge: PageKnowledge;
}

/**
 * Reads and classifies a kernel's pages.
 * @param memory as the kernel knew it.
 * @returns `undefined` for a kernel that has not come so far that it has VMCOREINFO.
 * @throws MemoryError when its memory makes no sense.
 */
export function kernelPages(kernel: Kernel, memory: PhysicalMemory): KernelPages | undefined {
  const info = vmcoreInfoOf(kernel, memory);
  if (!info) return undefined;
  const pages = new StructPages(memory, info);
  const address = (name: string): bigint | undefined =>
    kernel.file.symbol(name) ? BigInt(kernel.address(name)) : undefined;
  const stacks = kernel.taskOffsets && findStacks(pages.kernel, taskLayout(kernel.taskOffsets, address));
  const knowledge = { ...knowledgeOf(kernel, info), ...(stacks ? { stacks } : {}) };
  return { pages, knowledge, ...classifyPages(pages, knowledge) };
}

/** Source: kernel/crash_core.c, vmcoreinfo_data: a pointer to the page that holds the text. */
function vmcoreInfoOf(kernel: Kernel, memory: PhysicalMemory): VmcoreInfo | undefined {
  if (!kernel.file.symbol('vmcoreinfo_data') || kernel.boot.offset === undefined) return undefined;
  const pointer = readWord(memory, kernel.address('vmcoreinfo_data') - kernel.pageOffset);
  const text = pointer === undefined ? undefined : memory.read((pointer - kernel.pageOffset) >>> 0, PAGE_SIZE);
  return text?.toString('latin1', 0, 10) === 'OSRELEASE=' ? new VmcoreInfo(text) : undefined;
}

function knowledgeOf(kernel: Kernel, info: VmcoreInfo): PageKnowledge {
  const table = pageFlagsOf(info.release);
  const address = (name: string): bigint => BigInt(kernel.address(name));
  return {
    ...(table ? { table } : {}),
    image: { _text: address('_text'), _etext: address('_etext'), _end: address('_end') },
  };
}
