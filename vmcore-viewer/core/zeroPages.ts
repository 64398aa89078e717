/** Pages filled with zeros, which only their content tells. Source: makedumpfile.c, is_zero_page(). */
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';

/** What is known of the content of a page. */
export const CONTENT_OTHER = 0;
export const CONTENT_ZERO = 1;
export const CONTENT_ABSENT = 2;

const PIECE = 1 << 20;
/** As many as the largest page of a kdump-compressed file has. */
const ZEROS = Buffer.alloc(1 << 20);

/** Looks into every whole page from physical 0 on. @returns one of `CONTENT_…` for each pfn. */
export function findZeroPages(memory: PhysicalMemory): Uint8Array {
  const contents = new Uint8Array(Math.floor(memory.size / PAGE_SIZE));
  for (let pfn = 0; pfn < contents.length; pfn += PIECE / PAGE_SIZE) {
    const end = Math.min(pfn + PIECE / PAGE_SIZE, contents.length);
    const piece = memory.read(pfn * PAGE_SIZE, (end - pfn) * PAGE_SIZE);
    for (let page = pfn; page < end; page++) {
      const at = (page - pfn) * PAGE_SIZE;
      contents[page] = piece ? contentOf(piece, at) : contentOf(memory.read(page * PAGE_SIZE, PAGE_SIZE), 0);
    }
  }
  return contents;
}

function contentOf(bytes: Buffer | undefined, at: number): number {
  if (!bytes) return CONTENT_ABSENT;
  return isZero(bytes, at, PAGE_SIZE) ? CONTENT_ZERO : CONTENT_OTHER;
}

/** Whether a page in some bytes holds nothing but zeros. @param pageSize at most 1 MiB. */
export function isZero(bytes: Buffer, at: number, pageSize: number): boolean {
  // The first word decides for most pages, without a call.
  return bytes.readUInt32LE(at) === 0 && bytes.compare(ZEROS, 0, pageSize, at, at + pageSize) === 0;
}
