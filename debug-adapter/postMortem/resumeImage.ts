/** A saved image that a machine is to resume. */
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import { judgeResumability } from '../../vmcore-viewer/core/resumability.ts';
import { readResumeNote } from '../../vmcore-viewer/core/resumeNote.ts';
import { readBuildId } from '../../vmcore-viewer/core/vmlinux.ts';
import { Explorer } from '../../vmcore-viewer/explorer/explorer.ts';
import type { GuestName } from '../../qemu-runner/guest/guests.ts';
import { findLabs } from '../../qemu-runner/guest/lab.ts';
import type { Window } from '../../qemu-runner/window.ts';
import { imageNotResumable } from '../errors.ts';

export interface ResumeImage {
  path: string;
  explorer: Explorer;
  /** Physical re-entry point. */
  entry: number;
  /** Memory that kernel B had, which kernel A does not need. */
  window: Window;
  /** Behind the last byte of kernel A's RAM. */
  memoryEnd: number;
}

/** The guest of the lab whose kernel is in an image, if the image tells; what is wrong with it is told when it is opened. */
export function guestOfImage(path: string): GuestName | undefined {
  try {
    const image = openImage([path]);
    const buildId = readResumeNote(image.notes)?.buildId;
    image.close();
    return findLabs().find(({ vmlinux }) => buildId !== undefined && readBuildId(vmlinux) === buildId)?.guest.name;
  } catch {
    return undefined;
  }
}

/**
 * Opens an image and checks every rule that can be checked before a machine starts.
 * @param entry re-entry point, should the file not tell it.
 * @throws UserFacingError `image-not-resumable` with the rules that are broken.
 */
export function openResumeImage(path: string, entry?: number): ResumeImage {
  let explorer: Explorer;
  try {
    explorer = Explorer.open({ paths: [path], entry });
  } catch (error) {
    throw imageNotResumable(path, [(error as Error).message]);
  }
  const { jump, image, summary, pages } = explorer;
  const { rules } = judgeResumability({ image, entry: jump?.entry, known: pages[0] });
  const broken = rules.filter(({ verdict }) => verdict === 'broken');
  if (!jump || broken.length > 0) {
    explorer.close();
    throw imageNotResumable(path, jump ? broken.map(({ title, finding }) => `${title}: ${finding}`) : summary.problems);
  }
  const note = readResumeNote(image.notes);
  const destinations = jump.list.exchanges.map(({ destination }) => destination);
  const [first, last] = note?.window ?? [
    destinations.reduce((least, address) => Math.min(least, address), Infinity),
    destinations.reduce((most, address) => Math.max(most, address), 0) + PAGE_SIZE - 1,
  ];
  const { entry: found } = jump;
  return { path, explorer, entry: found, window: { min: first, max: last }, memoryEnd: note?.memoryEnd ?? image.size };
}
