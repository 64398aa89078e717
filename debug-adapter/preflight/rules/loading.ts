/** Rules of what kexec-tools makes of the window: the segments, and the map of memory that kernel B gets. */
import type { Facts } from '../facts.ts';
import { breaks, ok, unknown, warning, type Rule } from '../rule.ts';
import { hex } from '../../../vmcore-viewer/core/errors.ts';
import type { Window } from '../../../qemu-runner/window.ts';
import { inHex, mib } from '../words.ts';

/** Source: include/uapi/linux/kexec.h, KEXEC_SEGMENT_MAX. */
const MOST_SEGMENTS = 16;
const LOW_MEMORY_END = 0xa0000;

const segments: Rule = {
  name: 'segments',
  title: 'Number and place of the segments',
  purpose: 'jump',
  otherwise:
    'More than 16 segments: kexec_load() answers "Invalid argument". A segment outside of the window: kernel B gets memory that nobody expects it to have.',
  judge: ({ window, live }) => {
    const remedy = `Load kernel B with --mem-min=${hex(window.min)} --mem-max=${hex(window.max)}, in one range of System RAM.`;
    if (!live?.loaded) {
      return ok(
        `At most ${MOST_SEGMENTS}; kexec-tools makes 6 to 9 of a window in one range of RAM. Nothing is loaded yet.`,
      );
    }
    const { segments: loaded, destinations } = live.loaded;
    const found = `${loaded.length} segments of at most ${MOST_SEGMENTS} are loaded`;
    if (loaded.length > MOST_SEGMENTS) return breaks(`${found}.`, remedy);
    const outside = loaded.filter(({ address, size }) => address < window.min || address + size - 1 > window.max);
    if (outside.length > 0) {
      const list = outside.map(({ address, size }) => inHex({ min: address, max: address + size - 1 })).join(', ');
      return warning(`${found}; outside of the window ${inHex(window)}: ${list}.`, remedy);
    }
    const pages = destinations
      ? `, all ${destinations.count} destination pages in ${inHex({ min: destinations.first, max: destinations.last })}`
      : '';
    return ok(`${found}${pages}, inside the window.`);
  },
};

const memoryMap: Rule = {
  name: 'memory-map-of-kernel-b',
  title: "Kernel B's map of memory",
  purpose: 'jump',
  otherwise:
    "Kernel B takes all of kernel A's RAM for its own and writes over it: kernel A comes back corrupted, without a word.",
  judge: (facts) => {
    const remedy =
      "Put a kexec with the series qemu-runner/guest/kexec-tools/patches into kernel A's initial RAM disk (the lab's has it).";
    if (facts.live?.kernel === 'B') return mapByIomem(facts, facts.live.systemRam, remedy);
    const more = memoryByWord(facts);
    if (more) {
      return breaks(
        `"${more.word}" on kernel B's command line gives it ${inHex(more)}, outside of the window ${inHex(facts.window)}.`,
        'Leave the word out, or let it name memory of the window.',
      );
    }
    const { initrd } = facts.kernels.A;
    if (initrd.kexec === 'patched') {
      return ok(`The kexec in "${initrd.path}" gives kernel B the window and low memory only.`);
    }
    if (initrd.kexec === 'stock') {
      return breaks(`The kexec in "${initrd.path}" is a stock one, which gives kernel B all of memory.`, remedy);
    }
    const why = initrd.unpacked === undefined ? 'It is neither cpio nor gzip' : 'There is none in it that is known';
    return unknown(`Which kexec "${initrd.path}" has cannot be told: ${why}.`, remedy);
  },
};

/**
 * RAM outside of the window that a word of the command line adds to kernel B's map, "memmap=64M@0x8000000".
 * Source: Documentation/admin-guide/kernel-parameters.txt, memmap=nn[KMG]@ss[KMG].
 */
function memoryByWord({ window, kernels: { B } }: Facts): (Window & { word: string }) | undefined {
  for (const [word, list = ''] of B.append.matchAll(/(?:^|\s)memmap=(\S+)/g)) {
    for (const [, size = '', at = ''] of list.matchAll(/(?:^|,)(\w+)@(\w+)/g)) {
      const [length, min] = [bytesOf(size), bytesOf(at)];
      const max = min + length - 1;
      if (max >= LOW_MEMORY_END && (min < window.min || max > window.max)) return { min, max, word: word.trim() };
    }
  }
  return undefined;
}

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** As the kernel's memparse(). */
function bytesOf(text: string): number {
  const [, digits = '', unit = ''] = /^(0x[0-9a-f]+|\d+)([KMG]?)$/i.exec(text) ?? [];
  return Number(digits) * (UNITS[unit.toUpperCase()] ?? 1);
}

/** Memory below 640 KiB is every kernel's. */
function mapByIomem(
  { window }: Facts,
  systemRam: readonly { start: number; end: number }[],
  remedy: string,
): ReturnType<Rule['judge']> {
  const outside = systemRam.filter(
    ({ start, end }) => end >= LOW_MEMORY_END && (start < window.min || end > window.max),
  );
  const list = (ranges: typeof systemRam): string =>
    ranges.map(({ start, end }) => inHex({ min: start, max: end })).join(', ');
  if (outside.length === 0) return ok(`System RAM of kernel B is ${list(systemRam)}: the window and low memory.`);
  const bytes = outside.reduce((sum, { start, end }) => sum + end + 1 - start, 0);
  return breaks(
    `Kernel B has System RAM outside of the window ${inHex(window)}: ${list(outside)} (${mib(bytes)}).`,
    remedy,
  );
}

export const LOADING_RULES: readonly Rule[] = [segments, memoryMap];
