/**
 * Rules of hibernation: the disks that a save fills, and the kernel C that resumes. What the image itself must be has its rules in
 * vmcore-viewer/core/resumability.ts.
 */
import { hex } from '../../../vmcore-viewer/core/errors.ts';
import { endOfRam } from '../../../vmcore-viewer/core/physicalMemory.ts';
import type { DiskPlace, Facts } from '../facts.ts';
import { breaks, ok, unknown, warning, type Rule } from '../rule.ts';
import { inHex, mib, sizeOf } from '../words.ts';

/** What an image has beside memory. */
const HEADERS = 1 << 20;
/** What kernel C uses itself beside an image that it loads as a whole. As measured. */
const OWN_OF_C = 8 << 20;
/** A kernel C with less did not always bring kernel A back. As measured. */
const SMALLEST_COPYING = 32 << 20;

const diskSpace: Rule = {
  name: 'disk-space',
  title: 'Space for the saved image',
  purpose: 'save',
  otherwise: 'The save fails with "no space left on device", and no image is kept; kernel A is as it was.',
  judge: ({ memory, window, save: { level, places }, kernels: { A } }) => {
    const most = memory - sizeOf(window) + HEADERS;
    // What kernel A has for certain: itself, and its RAM disk unpacked.
    const least = level === 0 ? most : (A.placement?.initSize ?? 0) + (A.initrd.unpacked ?? A.initrd.size);
    const range = level === 0 ? mib(most) : `${mib(least)} to ${mib(most)}, as full as kernel A is`;
    const needs = `At level ${level} the image takes ${range}`;
    const tight = (needed: number): DiskPlace | undefined =>
      places.find(({ free, device }) => free < needed * places.filter((other) => other.device === device).length);
    const remedy = (needed: number): string =>
      `Free ${mib(needed)} there, choose another folder (TMPDIR is the session's), or leave out zero and free pages (level 17).`;
    const has = ({ path, free }: DiskPlace): string => `"${path}" has ${mib(free)}`;
    const [short, maybe] = [tight(least), tight(most)];
    if (short)
      return breaks(`${needs}, once in the session's folder and once in the file's: ${has(short)}.`, remedy(least));
    if (maybe) return warning(`${needs}: ${has(maybe)}.`, remedy(most));
    return ok(`${needs}: ${places.map(has).join(', ')}.`);
  },
};

const memoryOfA: Rule = {
  name: 'memory-of-the-image',
  title: "Kernel A's memory in the machine that resumes",
  purpose: 'resume',
  otherwise: 'kexec refuses the image: it "needs memory … which this machine does not have as RAM".',
  judge: ({ memory, resume }) => {
    if (!resume) return undefined;
    const found = `Kernel A's memory ended at ${hex(resume.memoryEnd)} (${mib(resume.memoryEnd)}); this machine has ${mib(memory)}.`;
    return endOfRam(memory) < resume.memoryEnd
      ? breaks(found, 'Leave out "memory": the image says how much it needs.')
      : ok(found);
  },
};

const memoryOfC: Rule = {
  name: 'memory-of-kernel-c',
  title: "Kernel C's memory",
  purpose: 'resume',
  otherwise:
    'kexec refuses the image, or kexec_load() answers "Invalid argument": it copies the image first and takes half of memory at most.',
  judge: ({ memory, window, resume }) => {
    if (!resume) return undefined;
    if (resume.copies) {
      const found = `Kernel C lives in the image's window ${inHex(window)} (${mib(sizeOf(window))}) and writes each page to its place.`;
      if (sizeOf(window) >= SMALLEST_COPYING) return ok(found);
      return warning(
        found,
        `Save with a window of ${mib(SMALLEST_COPYING)} or more: smaller ones did not always return.`,
      );
    }
    const needed = 2 * (resume.loaded + OWN_OF_C);
    const found = `Kernel C loads the image as a whole, ${mib(resume.loaded)}, for which it needs ${mib(needed)}; the machine has ${mib(memory)}.`;
    const remedy = 'Leave out "memory", which is then what it takes, or "resumeBy": kernel C then copies the image.';
    return memory < needed ? breaks(found, remedy) : ok(found);
  },
};

const memoryDevice: Rule = {
  name: 'kernel-c-memory-device',
  title: 'Kernel C can write to memory',
  purpose: 'resume',
  otherwise: 'kexec cannot put the image back: "/dev/mem" is not there, or refuses memory that is in use.',
  judge: ({ resume, kernels: { B } }: Facts) => {
    if (!resume?.copies) return undefined;
    const remedy = "Build kernel C (kernel B's files) with CONFIG_DEVMEM=y and without CONFIG_STRICT_DEVMEM.";
    const [device, strict] = [B.options('DEVMEM'), B.options('STRICT_DEVMEM')];
    if (device.isOn === false) return breaks(`Kernel C is without CONFIG_DEVMEM (${device.source}).`, remedy);
    if (strict.isOn === true) return breaks(`Kernel C has CONFIG_STRICT_DEVMEM (${strict.source}).`, remedy);
    const open = [device, strict].find(({ isOn }) => isOn === undefined);
    if (open) return unknown(`Whether kernel C may write to all of /dev/mem is not known: ${open.source}.`, remedy);
    return ok(`Kernel C has CONFIG_DEVMEM, and no CONFIG_STRICT_DEVMEM (${strict.source}).`);
  },
};

export const DISK_RULES: readonly Rule[] = [diskSpace];
export const RESUME_RULES: readonly Rule[] = [memoryOfA, memoryOfC, memoryDevice];
