/** Of a byte of an image: the kernel that has it, and where and as what that kernel has it. */
import { hex } from '../core/errors.ts';
import type { ImageKernel } from '../core/imageKernels.ts';
import { PAGE_CLASSES, type PageClassName } from '../core/pageClassNames.ts';
import { PAGE_SIZE } from '../core/physicalMemory.ts';
import type { Explorer, KnownPages } from './explorer.ts';

/** Where a kernel has what an image has somewhere. */
export interface ContentPlace {
  /** `undefined` where it is not known whose that is: what a kernel is not found of. */
  kernel: ImageKernel | undefined;
  /** That kernel's struct pages and symbols, where they can be read. */
  known: KnownPages | undefined;
  /** Physical, as that kernel has or had it. */
  own: number;
  /** In the direct mapping, if it is mapped there. */
  virtual: bigint | undefined;
}

/** @param physical where the image has it. */
export function contentPlace({ jump, kernels, pages }: Explorer, physical: number): ContentPlace {
  const inPage = physical % PAGE_SIZE;
  const page = physical - inPage;
  const isPeers = jump?.destinations.has(page) ?? false;
  const kernel = kernels.find(({ view }) => !jump || (view === 'asItIs') === isPeers);
  const own = (jump && !isPeers ? jump.asItLeft.belongsTo(page) : page) + inPage;
  return {
    kernel,
    known: pages.find((known) => known.kernel === kernel),
    own,
    virtual: kernel && directAddress(kernel, own),
  };
}

/** What the kernel knows of the page that a place is in. */
export function classAt({ known, own }: ContentPlace): PageClassName | undefined {
  return PAGE_CLASSES[known?.classes[Math.floor(own / PAGE_SIZE)] ?? -1]?.name;
}

/** The symbol of the kernel's image that a place is in, and how far it is into it. */
export function symbolAt(place: ContentPlace): string | undefined {
  const { kernel, known, own } = place;
  const found = classAt(place);
  if (!kernel || (found !== 'kernelText' && found !== 'kernelData')) return undefined;
  const address = BigInt(own) + kernel.memory.imageOffset;
  const symbol = known?.symbols?.before(address);
  return symbol && `${symbol.name}+${hex(address - symbol.address)}`;
}

/** Virtual address of physical memory in the direct mapping: on i386 not all of it is there. */
export function directAddress({ memory }: ImageKernel, physical: number): bigint | undefined {
  if (memory.pageOffset === undefined) return undefined;
  const address = memory.pageOffset + BigInt(physical);
  return memory.translate(address)?.physical === physical ? address : undefined;
}
