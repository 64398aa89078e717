/** Where things are in the relocate_kernel of a kernel file. */
import { decodeControlCode, type ControlCode } from '../../vmcore-viewer/core/controlPage.ts';
import { ControlCodeUnknown } from '../../vmcore-viewer/core/errors.ts';
import type { KernelFile } from '../../vmcore-viewer/core/kernelFile.ts';
import { controlCodeUnknown, symbolMissing } from '../errors.ts';

/** More than relocate_kernel of any kernel, in bytes; as much than its swap_pages. */
const MOST_BYTES = 0x800;
const MOST_SWAP_BYTES = 0x100;

/** @throws UserFacingError `symbol-missing` or `control-code-unknown`, the latter with the bytes. */
export function controlCodeOf(kernel: Pick<KernelFile, 'path' | 'symbol' | 'bytesAt'>): ControlCode {
  const symbol = (name: string): NonNullable<ReturnType<KernelFile['symbol']>> => {
    const found = kernel.symbol(name);
    if (!found) throw symbolMissing(kernel.path, name);
    return found;
  };
  const { address: start } = symbol('relocate_kernel');
  const { address, size } = symbol('swap_pages');
  const offset = address - start;
  const length = size > 0 && size < MOST_SWAP_BYTES ? size : MOST_SWAP_BYTES;
  const code = offset > 0 && offset < MOST_BYTES ? kernel.bytesAt(start, offset + length) : undefined;
  if (!code) throw controlCodeUnknown(kernel.path, 'swap_pages does not lie behind relocate_kernel', code);
  try {
    return decodeControlCode(code, offset);
  } catch (error) {
    if (error instanceof ControlCodeUnknown) throw controlCodeUnknown(kernel.path, error.why, error.bytes);
    throw error;
  }
}
