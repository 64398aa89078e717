/** Zstandard: by Node where it can, which is from 22.15 on, else in JavaScript. */
import vm from 'node:vm';
import zlib from 'node:zlib';
import { decompress } from 'fzstd';

const MAGIC = 0xfd2fb528;
const DESCRIPTOR = 4;
/** Bytes of the dictionary's id, and of the content's size, by their two bits in the frame header's descriptor. */
const DICTIONARY_BYTES = [0, 1, 2, 4];
const SIZE_BYTES = [0, 2, 4, 8];

/** The types of the oldest Node that is supported do not have it. */
const native = (zlib as { zstdDecompressSync?: (bytes: Buffer, options: { maxOutputLength: number }) => Buffer })
  .zstdDecompressSync;

/** There is input at which the library never ends. A page takes less than a millisecond, where nobody else has the CPU. */
const LONGEST_MS = 2000;
/** A file with so many of these is made to cost time: no more of it is tried. */
const MOST_ENDLESS = 8;
let endless = 0;
const surroundings: { work: () => void } = { work: () => undefined };
const guarded = { script: new vm.Script('work()'), context: vm.createContext(surroundings) };

/** Nobody but the virtual machine can end what loops. @throws what the work throws, and when it takes too long. */
function inTime(work: () => void): void {
  if (endless >= MOST_ENDLESS) throw new RangeError('There were too many pages that do not end');
  surroundings.work = work;
  try {
    guarded.script.runInContext(guarded.context, { timeout: LONGEST_MS });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') endless++;
    throw error;
  }
}

/** Decompresses into all of `output`. @returns false when the input is damaged, or is not exactly that long. */
export function decompressZstd(input: Buffer, output: Buffer): boolean {
  // The library fills what it is given and does not tell how much of it: so the frame has to.
  if (contentSize(input) !== output.length) return false;
  try {
    if (native) return native(input, { maxOutputLength: output.length }).copy(output) === output.length;
    inTime(() => {
      decompress(input, output);
    });
    return true;
  } catch {
    return false;
  }
}

/** What the frame header says, which compressors of whole pages always write. Source: RFC 8878, section 3.1.1.1. */
function contentSize(frame: Buffer): number | undefined {
  if (frame.length < DESCRIPTOR + 1 || frame.readUInt32LE(0) !== MAGIC) return undefined;
  const descriptor = frame[DESCRIPTOR]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const at = DESCRIPTOR + 1 + (isSingleSegment ? 0 : 1) + DICTIONARY_BYTES[descriptor & 3]!;
  const bytes = SIZE_BYTES[descriptor >> 6]! || (isSingleSegment ? 1 : 0);
  if (bytes === 0 || at + bytes > frame.length) return undefined;
  if (bytes === 8) return Number(frame.readBigUInt64LE(at));
  // Two bytes do not repeat what one could hold.
  return frame.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}
