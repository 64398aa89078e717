/** Whether a saved image has what the memory had that it was made of. */
import { PRESENCE, type MemoryImage } from './images/memoryImage.ts';
import { PAGE_SIZE, type PhysicalMemory } from './physicalMemory.ts';

/** Counts are of pages. */
export interface SavedImageAudit {
  compared: number;
  /** Page frames whose content in the image is another than in memory. */
  different: number[];
  /** Page frames that the image leaves out as zeros, and that were none. */
  notZero: number[];
  /** Left out, as zeros or as free. */
  leftOut: number;
}

/** Pages that are compared at a time. */
const PIECE = 256;
/** Bits of makedumpfile's dump level. */
const ZERO_ONLY = 1;

/**
 * Compares each page of an image with the memory of the machine, which must not change meanwhile outside of kernel B's own.
 * @param level makedumpfile's, at which the image was saved: 1 leaves out pages of zeros only.
 */
export function auditSavedImage(image: MemoryImage, memory: PhysicalMemory, level: number): SavedImageAudit {
  const audit: SavedImageAudit = { compared: 0, different: [], notZero: [], leftOut: 0 };
  const pages = Math.ceil(Math.min(image.size, memory.size) / PAGE_SIZE);
  const zeros = Buffer.alloc(PAGE_SIZE);
  for (let first = 0; first < pages; first += PIECE) {
    const presence = image.presence(first, Math.min(PIECE, pages - first));
    presence.forEach((has, index) => {
      const pfn = first + index;
      const now = memory.read(pfn * PAGE_SIZE, PAGE_SIZE);
      if (!now) return;
      if (has === PRESENCE.present) {
        audit.compared++;
        if (image.read(pfn * PAGE_SIZE, PAGE_SIZE)?.equals(now) !== true) audit.different.push(pfn);
      } else if (has === PRESENCE.filtered) {
        audit.leftOut++;
        if (level === ZERO_ONLY && !now.equals(zeros)) audit.notZero.push(pfn);
      }
    });
  }
  return audit;
}
