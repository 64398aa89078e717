/** Finds the jump that an image was taken in: by what somebody or something tells of the re-entry point, else by looking for it. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { entryFileUseless, hex, MemoryError, severalEntries } from '../core/errors.ts';
import { readImageJump, type ImageJump } from '../core/imageJump.ts';
import type { MemoryImage } from '../core/images/memoryImage.ts';
import { readResumeNote } from '../core/resumeNote.ts';

/** Who tells the re-entry point: a person, a note of the image, its e_entry, a file beside it, or its memory. */
export type EntrySource = 'argument' | 'note' | 'e_entry' | 'file' | 'search';

export interface FoundJump {
  jump: ImageJump;
  from: EntrySource;
}

/** What an entry file begins with, at most: it may be a copy of /proc/cmdline. */
const LONGEST_FILE = 4096;
/** By its name in front, or alone. */
const ENTRY_TEXT = /(?:^|\bkexec_jump_back_entry=)(0x[0-9a-f]{1,16}|\d{1,16})(?:\s|$)/i;

/**
 * Takes the first of these that leads to a control page: what a person says (and then nothing else), the image's note, e_entry, the files `<image>.entry`
 * and `entry` beside the image, and what a search finds.
 * @param entry what a person says; 'none' for an image that shall be taken as it is.
 * @param search finds re-entry points in all of the image.
 * @param say is told what does not lead there, and other jumps.
 * @throws MemoryError when what the person says leads nowhere.
 */
export function findJump(
  image: MemoryImage,
  entry: number | 'none' | undefined,
  search: () => readonly number[],
  say: (sentence: string) => void,
): FoundJump | undefined {
  if (entry === 'none') return undefined;
  if (entry !== undefined) return { jump: readImageJump(image, entry), from: 'argument' };
  for (const { from, value, where } of toldEntries(image)) {
    try {
      return { jump: readImageJump(image, value), from };
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      say(from === 'file' ? entryFileUseless(where, error.message) : error.message);
    }
  }
  // relocate_kernel of x86_64 does not exchange pages like this, and its images may be large.
  if (image.machine === 'x86_64') return undefined;
  const [found, ...others] = search();
  if (others.length > 0) say(severalEntries(others.length + 1));
  return found === undefined ? undefined : { jump: readImageJump(image, found), from: 'search' };
}

interface ToldEntry {
  from: EntrySource;
  value: number;
  where: string;
}

function* toldEntries({ entry, notes, paths }: MemoryImage): Generator<ToldEntry> {
  const noted = readResumeNote(notes)?.entry;
  if (noted !== undefined) yield { from: 'note', value: noted, where: 'the note of the image' };
  if (entry !== undefined) yield { from: 'e_entry', value: Number(entry), where: `e_entry ${hex(entry)}` };
  const [path] = paths;
  if (path === undefined) return;
  for (const file of [`${path}.entry`, join(dirname(path), 'entry')]) {
    const [, value] = ENTRY_TEXT.exec(beginningOf(file)) ?? [];
    if (value !== undefined) yield { from: 'file', value: Number(value), where: file };
  }
}

/** Empty where there is no such file. */
function beginningOf(path: string): string {
  let descriptor: number | undefined;
  try {
    if (!statSync(path).isFile()) return '';
    descriptor = openSync(path, 'r');
    const bytes = Buffer.alloc(LONGEST_FILE);
    return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0)).trim();
  } catch {
    return '';
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
