/** Words of summaries of memory images. */
import { NT_PRSTATUS } from '../kernelRegisters.ts';
import { VmcoreInfo } from '../vmcoreInfo.ts';
import type { ImageFact, ImageNote } from './memoryImage.ts';

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A number of bytes as people read it, such as "256 MiB" or "1.9 GiB". */
export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10} ${UNITS[unit]!}`;
}

/** What notes and VMCOREINFO tell of the kernel and the machine. */
export function factsOfNotes(notes: readonly ImageNote[], vmcoreInfo: Buffer | undefined): ImageFact[] {
  const facts: ImageFact[] = [];
  const cpus = notes.filter(({ name, type }) => name === 'CORE' && type === NT_PRSTATUS).length;
  if (cpus > 0) facts.push({ label: 'CPUs with registers', value: String(cpus) });
  const kinds = new Set(notes.map(({ name }) => name));
  if (kinds.size > 0) facts.push({ label: 'Notes', value: `${notes.length} of ${[...kinds].slice(0, 8).join(', ')}` });
  if (!vmcoreInfo) return [...facts, { label: 'VMCOREINFO', value: 'none' }];
  const info = new VmcoreInfo(vmcoreInfo);
  facts.push({ label: 'VMCOREINFO', value: `Linux ${info.release ?? '(release unknown)'}` });
  if (info.crashTime !== undefined) facts.push({ label: 'Crash', value: timeText(info.crashTime) });
  return facts;
}

/** A time, or the number itself where no time is that far away. @param seconds since 1970. */
export function timeText(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toISOString().replace('.000Z', 'Z');
}
