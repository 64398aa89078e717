/** ELF notes, in cores and in kdump-compressed files. Source: System V ABI, chapter 5, "Note Section"; elf.h. */
import type { ImageNote } from './memoryImage.ts';

const HEADER = 12;
/** Notes that are kept of one image: each CPU has one or two. */
export const MOST_NOTES = 1 << 16;

/** Bytes of notes that are read; of more, the first. */
export const LONGEST_NOTES = 16 << 20;

/** Name of the note that holds VMCOREINFO. Source: include/linux/vmcore_info.h, VMCOREINFO_NOTE_NAME. */
export const VMCOREINFO_NOTE = 'VMCOREINFO';

/** Decodes notes one behind the other; from the first one on that does not fit into the bytes, they are left out. */
export function decodeNotes(bytes: Buffer, most = MOST_NOTES): ImageNote[] {
  const notes: ImageNote[] = [];
  for (let at = 0; at + HEADER <= bytes.length && notes.length < most;) {
    const nameLength = bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    const type = bytes.readUInt32LE(at + 8);
    const start = at + HEADER + aligned(nameLength);
    if (start + length > bytes.length) break;
    const name = bytes.toString('latin1', at + HEADER, at + HEADER + nameLength).split('\0', 1)[0]!;
    // Room that the kernel left for notes of CPUs that it did not stop is zero.
    if (nameLength > 0 || length > 0) notes.push({ name, type, descriptor: bytes.subarray(start, start + length) });
    at = start + aligned(length);
  }
  return notes;
}

function aligned(length: number): number {
  return Math.ceil(length / 4) * 4;
}
