/** What a kimage says of a jump: where its control page is, and what kexec loaded. Source: include/linux/kexec.h, struct kimage. */
import { decodePageList, type PageList } from '../../vmcore-viewer/core/pageList.ts';
import { PAGE_SIZE, readWord, type PhysicalMemory } from '../../vmcore-viewer/core/physicalMemory.ts';
import { Overlay } from '../../vmcore-viewer/core/overlay.ts';
import type { MachineMemory } from './machineMemory.ts';
import { segmentKind } from './segments.ts';
import type { ControlPage, KexecSegment, Kernel, KexecLayout } from './kernel.ts';

/** struct kexec_segment is buf, bufsz, mem, memsz. */
const SEGMENT_SIZE = 16;
const KEXEC_SEGMENT_MAX = 16;

/** Reads the kernel's memory at a virtual address; `undefined` when it is not mapped. */
type Read = (address: number, length: number) => Promise<Buffer | undefined>;

export interface Kimage {
  controlPage: ControlPage;
  segments: KexecSegment[];
}

/** Reads a kimage. @param address its virtual address in the kernel that is live. */
export async function readKimage(
  kernel: Kernel,
  layout: KexecLayout,
  address: number,
  read: Read,
  memory: MachineMemory,
): Promise<Kimage> {
  const word = async (at: number): Promise<number> => (await read(at, 4))?.readUInt32LE(0) ?? 0;
  // FLATMEM: a struct page's place in mem_map is its page frame number.
  const page = await word(address + layout.controlCodePage);
  const physical = Math.floor((page - (await word(kernel.address('mem_map')))) / layout.pageSize) * PAGE_SIZE;
  const count = Math.min(await word(address + layout.segmentCount), KEXEC_SEGMENT_MAX);
  const table = (await read(address + layout.segments, count * SEGMENT_SIZE)) ?? Buffer.alloc(0);
  const start = await word(address + layout.start);
  // A broken list is told when it is walked; here it only costs the kinds of the segments.
  const list = await memory.settle(() => loadedPageList(kernel, memory)).catch(() => undefined);
  // As the next kernel will find them: until then they wait in the source pages.
  const swapped = new Overlay(memory, list ? [list] : []);
  const loaded = Array.from({ length: table.length / SEGMENT_SIZE }, (_, index) => ({
    loaded: table.readUInt32LE(index * SEGMENT_SIZE + 4),
    address: table.readUInt32LE(index * SEGMENT_SIZE + 8),
    size: table.readUInt32LE(index * SEGMENT_SIZE + 12),
  }));
  const segments = await memory.settle(() =>
    loaded.map((segment) => ({ ...segment, kind: segmentKind(swapped, segment, start) })),
  );
  return { controlPage: { physical, virtual: physical + kernel.pageOffset }, segments };
}

/**
 * The page list of the kimage that a kernel has loaded, if it has.
 * Source: kernel/kexec_core.c, kexec_image; include/linux/kexec.h, struct kimage: `head` is its first member.
 * @param memory as the kernel knows it.
 * @throws MemoryError when the list is broken.
 */
export function loadedPageList(kernel: Kernel, memory: PhysicalMemory): PageList | undefined {
  if (kernel.boot.offset === undefined || !kernel.file.symbol('kexec_image')) return undefined;
  const image = readWord(memory, kernel.address('kexec_image') - kernel.pageOffset);
  const head = image ? readWord(memory, (image - kernel.pageOffset) >>> 0) : undefined;
  return head ? decodePageList(memory, head) : undefined;
}
