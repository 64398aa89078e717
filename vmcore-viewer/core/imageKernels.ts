/**
 * The kernels in a memory: each by its VMCOREINFO, in the view of the memory in which it makes sense: as it is, or as a kernel
 * knew it that left by a jump.
 */
import { KeysMissing, MemoryError } from './errors.ts';
import type { ImageJump } from './imageJump.ts';
import { openKernelMemory, type KernelMemory } from './kernelMemory.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';
import { VmcoreInfo } from './vmcoreInfo.ts';
import { findVmcoreInfo, type FoundVmcoreInfo } from './vmcoreInfoScan.ts';

/** A view of a memory: pages where they are, or where a kernel had them that left. */
export type ViewName = 'asItIs' | 'asItLeft';

export interface ImageKernel {
  view: ViewName;
  physical: PhysicalMemory;
  info: VmcoreInfo;
  memory: KernelMemory;
  /** The image's note, or the physical address of the page that a scan has found, in the kernel's view. */
  foundAt: 'note' | number;
}

/** A VMCOREINFO whose kernel is not there to be read, and why, in a sentence. */
export interface LostKernel {
  view: ViewName;
  info: VmcoreInfo;
  foundAt: 'note' | number;
  why: string;
  /** Whether VMCOREINFO does not tell enough; else the memory is not as it tells. */
  lacksKeys: boolean;
}

/** The kernel that an image's note tells of, if it is in memory as it is. */
export function findNotedKernel(memory: PhysicalMemory, note: Buffer | undefined): ImageKernel | undefined {
  return note && findKernels(memory, note, undefined, []).kernels[0];
}

/**
 * Finds all of them. A kernel that is whole in both views is told once, as it is.
 * @param note VMCOREINFO of the image's note.
 * @param scanned what a scan of the memory as it is has found.
 */
export function findKernels(
  memory: PhysicalMemory,
  note: Buffer | undefined,
  jump: ImageJump | undefined,
  scanned: readonly FoundVmcoreInfo[],
): { kernels: ImageKernel[]; lost: LostKernel[] } {
  const views: [ViewName, PhysicalMemory][] = [
    // The kernel that left is what an image of a jump is about.
    ...(jump ? [['asItLeft', jump.asItLeft] as [ViewName, PhysicalMemory]] : []),
    ['asItIs', memory],
  ];
  const kernels: ImageKernel[] = [];
  const lost: LostKernel[] = [];
  for (const [view, physical] of views) {
    const told = note ? [{ foundAt: 'note' as const, info: new VmcoreInfo(note) }] : [];
    const found = (view === 'asItLeft' ? foundAsItLeft(jump!, scanned) : scanned).map(({ address, info }) => ({
      ...{ foundAt: address, info },
    }));
    for (const { foundAt, info } of [...told, ...found]) {
      if (kernels.some((kernel) => isSame(kernel, info, foundAt, jump))) continue;
      try {
        kernels.push({ view, physical, info, foundAt, memory: openKernelMemory(physical, info) });
      } catch (error) {
        if (!(error instanceof MemoryError)) throw error;
        lost.push({ view, info, foundAt, why: error.message, lacksKeys: error instanceof KeysMissing });
      }
    }
  }
  return { kernels, lost: lost.filter(({ info }) => !kernels.some((kernel) => isText(kernel.info, info))) };
}

/** Only pages that the jump has exchanged are others than in memory as it is. */
function foundAsItLeft({ list, asItLeft }: ImageJump, scanned: readonly FoundVmcoreInfo[]): FoundVmcoreInfo[] {
  const exchanged = list.exchanges.filter(({ destination, source }) => destination !== source);
  // In a source page is what the peer had in the window, where a saved image has nothing.
  const others = new Set(exchanged.flatMap(({ destination, source }) => [destination, source]));
  const moved = exchanged.map(({ destination }) => ({ address: destination, length: PAGE_SIZE }));
  return [...scanned.filter(({ address }) => !others.has(address)), ...findVmcoreInfo(asItLeft, moved)].sort(
    (one, other) => one.address - other.address,
  );
}

const isText = (one: VmcoreInfo, other: VmcoreInfo): boolean =>
  one.keys.length === other.keys.length && one.keys.every((key) => one.text(key) === other.text(key));

/** The same text is another kernel only where it lies in another page: two boots of one build tell the same. */
function isSame(kernel: ImageKernel, info: VmcoreInfo, foundAt: 'note' | number, jump: ImageJump | undefined): boolean {
  if (!isText(kernel.info, info)) return false;
  if (kernel.foundAt === 'note' || foundAt === 'note') return true;
  const now = kernel.view === 'asItLeft' ? jump!.asItLeft.locate(kernel.foundAt) : kernel.foundAt;
  return now === foundAt;
}
