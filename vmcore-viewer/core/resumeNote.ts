/**
 * The note that marks a saved image as resumable: kernel B writes it when it saves kernel A, and kernel C's kexec reads it.
 * Source: qemu-runner/guest/initramfs/save-image/save-image.h (struct resume_note).
 */
import type { ImageNote } from './images/memoryImage.ts';

const OWNER = 'KEXECJUMP';
const TYPE = 1;
const NEWEST = 1;

/** Offsets in its descriptor; numbers are little-endian. */
const LAYOUT = {
  version: 0,
  entry: 8,
  windowFirst: 16,
  windowLast: 24,
  memoryEnd: 32,
  release: 40,
  buildId: 112,
} as const;
const LONGEST_BUILD_ID = 20;
const SIZE = 136;

/** What the note tells. Addresses are physical. */
export interface ResumeNote {
  version: number;
  /** Re-entry point; `undefined` until the image was saved. */
  entry: number | undefined;
  /** First and last byte of kernel B's memory. */
  window: [first: number, last: number];
  /** Behind the last byte of kernel A's RAM. */
  memoryEnd: number;
  /** `uname -r` of kernel A. */
  release: string;
  /** Hexadecimal digits of kernel A's build id, or empty. */
  buildId: string;
}

/** The note of an image, or `undefined` for an image that has none that is understood. */
export function readResumeNote(notes: readonly ImageNote[]): ResumeNote | undefined {
  const note = notes.find(({ name, type, descriptor }) => name === OWNER && type === TYPE && descriptor.length >= SIZE);
  if (!note) return undefined;
  const { descriptor } = note;
  const version = descriptor.readUInt32LE(LAYOUT.version);
  if (version === 0 || version > NEWEST) return undefined;
  const number = (at: number): number => Number(descriptor.readBigUInt64LE(at));
  const entry = number(LAYOUT.entry);
  const release = descriptor.toString('latin1', LAYOUT.release, LAYOUT.buildId).split('\0', 1)[0]!;
  const idLength = Math.min(descriptor.readUInt32LE(LAYOUT.buildId), LONGEST_BUILD_ID);
  return {
    version,
    entry: entry === 0 ? undefined : entry,
    window: [number(LAYOUT.windowFirst), number(LAYOUT.windowLast)],
    memoryEnd: number(LAYOUT.memoryEnd),
    release,
    buildId: descriptor.toString('hex', LAYOUT.buildId + 4, LAYOUT.buildId + 4 + idLength),
  };
}
