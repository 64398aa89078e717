/** What the pages of an image hold, which is known only when all of it is read. */
import { memoryPieces, wholePages } from '../memoryPieces.ts';
import { UNWATCHED } from '../watch.ts';
import { isZero } from '../zeroPages.ts';
import type { MemoryImage } from './memoryImage.ts';

/** Page frames of an image that can be read whole, by what they hold. */
export interface ContentCount {
  /** Nothing but zeros. */
  zero: number;
  /** What should be there does not decompress. */
  damaged: number;
}

/** Reads all of an image, in pieces; what lies in a hole of a sparse file is zero and is not read. */
export function countContents(image: MemoryImage): ContentCount {
  const { pageSize } = image;
  let [read, zero, damaged] = [0, 0, 0];
  for (const { bytes, length } of memoryPieces(image, wholePages(image.dataRanges(), pageSize), UNWATCHED, pageSize)) {
    read += length / pageSize;
    if (!bytes) damaged++;
    else for (let at = 0; at < length; at += pageSize) if (isZero(bytes, at, pageSize)) zero++;
  }
  let there = 0;
  // Damage that was found now is not among what can be read any more.
  for (const { length } of wholePages(image.presentRanges(), pageSize)) there += length / pageSize;
  return { zero: zero + Math.max(0, there - read), damaged };
}
