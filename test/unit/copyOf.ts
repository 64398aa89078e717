/** For memories that the tests make up: a read as those of files are, which overwrite what was read before. */
import { bufferFor } from '../../vmcore-viewer/core/physicalMemory.ts';

/** A copy of what is read, in the reader's own scratch if it is large enough. */
export function copyOf(bytes: Buffer, scratch: Buffer | undefined): Buffer {
  const copy = bufferFor(bytes.length, scratch);
  bytes.copy(copy);
  return copy;
}
