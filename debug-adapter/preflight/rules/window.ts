/** Rules of the window: where it lies, and whether kernel B and its RAM disk find their places in it. */
import { LEFT_FOR_A, type Window } from '../../../qemu-runner/window.ts';
import { hex } from '../../../vmcore-viewer/core/errors.ts';
import type { Facts } from '../facts.ts';
import { breaks, ok, unknown, warning, type Finding, type Rule } from '../rule.ts';
import { inHex, mib, sizeOf } from '../words.ts';

const MIB = 1 << 20;
const PAGE = 4096;
/** Behind memory for devices and the BIOS. */
const LOWEST = MIB;
/** kexec-tools never puts a RAM disk below. Source: kexec/arch/i386/x86-linux-setup.h, INITRD_BASE. */
const INITRD_BASE = 16 * MIB;
/** At the end of memory the firmware keeps its tables; how large they are, /proc/iomem says. */
const FIRMWARE = MIB;
/** What kexec-tools puts at the top of the window: boot parameters, purgatory, ELF core header. As measured: 68 KiB. */
const AT_THE_TOP = 128 << 10;
/** sizeof(struct page) of i386. */
const STRUCT_PAGE = 32;

const alignUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

const inMemory: Rule = {
  name: 'window-in-memory',
  title: 'The window is in RAM',
  purpose: 'jump',
  otherwise:
    'kexec refuses to load: "mem_min … is not inside one range of System RAM"; the stock one says "locate_hole failed".',
  judge: ({ window, memory, live }) => {
    const remedy = 'Use "window": "high" or "low", or give the machine more "memory".';
    const at = `The window ${inHex(window)} (${mib(sizeOf(window))})`;
    if (window.min % PAGE !== 0 || (window.max + 1) % PAGE !== 0) {
      return breaks(`${at} does not begin and end at a page.`, remedy);
    }
    if (window.max >= memory) return breaks(`${at} ends behind the machine's memory of ${mib(memory)}.`, remedy);
    if (live?.kernel === 'A') {
      const range = live.systemRam.find(({ start, end }) => Math.max(window.min, LOWEST) >= start && window.max <= end);
      if (!range) return breaks(`${at} is not inside one range of System RAM of /proc/iomem.`, remedy);
      return ok(`${at} is inside ${hex(range.start)}-${hex(range.end)}, System RAM of kernel A.`);
    }
    if (window.max >= memory - FIRMWARE) {
      return warning(`${at} reaches into the last MiB of memory, where the firmware keeps its tables.`, remedy);
    }
    return ok(`${at} is in memory of ${mib(memory)}.`);
  },
};

/** MemTotal of kernel A: memory without the kernel, its struct pages and what the firmware keeps. */
function totalOf({ live, memory, kernels: { A } }: Facts): { bytes: number; isExact: boolean } {
  if (live?.kernel === 'A') return { bytes: live.total, isExact: true };
  const structPages = (memory / PAGE) * STRUCT_PAGE;
  return { bytes: memory - structPages - (A.placement?.initSize ?? 8 * MIB) - FIRMWARE, isExact: false };
}

const halfOfMemory: Rule = {
  name: 'half-of-memory',
  title: 'kexec_load() takes half of RAM',
  purpose: 'jump',
  otherwise:
    'kexec_load() answers "Invalid argument": each segment, and all of them, may have half of kernel A\'s RAM.',
  judge: (facts) => {
    const { bytes, isExact } = totalOf(facts);
    // All of the window is segments: what has no content is a segment, too.
    const size = sizeOf(facts.window);
    const found = `The segments fill the window: ${mib(size)} of at most ${mib(bytes / 2)}, half of kernel A's ${mib(bytes)}${isExact ? '' : ' (estimated)'}.`;
    const remedy = `Make the window smaller, or give the machine at least ${mib(2 * size + facts.memory - bytes)} of "memory".`;
    if (size > bytes / 2 + (isExact ? 0 : MIB)) return breaks(found, remedy);
    return size > bytes / 2 - (isExact ? 0 : MIB) ? warning(found, remedy) : ok(found);
  },
};

const roomForSources: Rule = {
  name: 'room-for-pages',
  title: "Room for kernel A's pages of the window",
  purpose: 'jump',
  otherwise:
    'Kernel A runs out of memory while it loads: its OOM killer ends kexec or another program, or kexec_load() answers "Cannot allocate memory".',
  judge: ({ window, memory, live, kernels: { A, B } }) => {
    const size = sizeOf(window);
    const remedy = 'Make the window smaller, give the machine more "memory", or free memory in kernel A.';
    if (live?.kernel === 'A' && !live.loaded) {
      const found = `Kernel A has ${mib(live.available)} to spare, and the window takes ${mib(size)}.`;
      return live.available < size ? breaks(found, remedy) : ok(found);
    }
    const own = Math.max(
      LEFT_FOR_A,
      // Kernel B's files wait in kernel A's root file system.
      (A.placement?.initSize ?? 0) + (A.initrd.unpacked ?? A.initrd.size) + B.imageSize + B.initrd.size,
    );
    const left = memory - 2 * size - own;
    const found = `${mib(memory)} of memory, less ${mib(size)} of window, as much to swap to and ${mib(own)} for kernel A, leaves ${mib(left)}.`;
    return left < 0 ? breaks(found, remedy) : ok(found);
  },
};

/** Where kexec-tools puts kernel B's RAM disk: as high as it can. */
function initrdPlace({ window, kernels: { B } }: Facts): Window {
  const max = window.max + 1 - AT_THE_TOP;
  return { min: max - alignUp(B.initrd.size, PAGE), max: max - 1 };
}

const initrdInWindow: Rule = {
  name: 'initrd-in-window',
  title: "Kernel B's RAM disk in the window",
  purpose: 'jump',
  otherwise: 'kexec refuses to load: "Could not find a free area of memory … locate_hole failed".',
  judge: (facts) => {
    const { window } = facts;
    const { B } = facts.kernels;
    const from = Math.max(window.min, INITRD_BASE);
    const room = window.max + 1 - AT_THE_TOP - from - (from === window.min ? alignUp(B.imageSize, PAGE) : 0);
    const where = from === INITRD_BASE ? 'above 16 MiB, below which kexec-tools puts none' : 'behind the kernel';
    const found = `The RAM disk has ${mib(B.initrd.size)}; the window has ${mib(Math.max(room, 0))} for it ${where}.`;
    const remedy = `Let the window end at ${hex(window.max + alignUp(B.initrd.size - Math.min(room, B.initrd.size), MIB))} or later, or use a smaller initrd.`;
    return alignUp(B.initrd.size, PAGE) > room ? breaks(found, remedy) : ok(found);
  },
};

/** kexec-tools puts the purgatory of a kernel that is not relocatable here. Source: kexec-bzImage.c, do_bzImage_load(). */
const LOW_PURGATORY = { min: 0x3000, max: 0x9ffff };

const relocatable: Rule = {
  name: 'kernel-b-relocatable',
  title: 'Kernel B is relocatable',
  purpose: 'jump',
  otherwise:
    'kexec refuses to load: "Could not find a free area of memory of 0x8000 bytes… locate_hole failed", for it wants memory below 640 KiB.',
  judge: ({ window, kernels: { B } }) => {
    if (!B.placement) return undefined;
    if (B.placement.isRelocatable) return ok("Kernel B's image says that it is relocatable.");
    const found = `Kernel B is not relocatable: kexec wants memory in ${inHex(LOW_PURGATORY)}, and the window begins at ${hex(window.min)}.`;
    const remedy = 'Build kernel B with CONFIG_RELOCATABLE=y.';
    return window.min > LOW_PURGATORY.max ? breaks(found, remedy) : unknown(found, remedy);
  },
};

/**
 * Where kernel B runs: kexec-tools loads it at the beginning of the window, and its decompressor goes up to where it is linked.
 * Source: kexec-bzImage.c, do_bzImage_load(); arch/x86/boot/compressed/head_32.S.
 */
function kernelPlace({ window, kernels: { B } }: Facts): Window | undefined {
  if (!B.placement) return undefined;
  const { alignment, linkedAt, initSize } = B.placement;
  const min = Math.max(alignUp(Math.max(window.min, LOWEST), alignment), linkedAt);
  return { min, max: min + initSize - 1 };
}

const kernelInWindow: Rule = {
  name: 'kernel-in-window',
  title: 'Where kernel B is linked',
  purpose: 'jump',
  otherwise:
    'Kernel B decompresses itself over what is not its own: it hangs without a word, or finds its RAM disk destroyed ("invalid magic at start of compressed archive").',
  judge: (facts) => {
    const place = kernelPlace(facts);
    const { placement } = facts.kernels.B;
    const { window } = facts;
    if (!place || !placement) {
      return unknown("Kernel B's image is too old to tell where it runs.", 'Use a bzImage of Linux 2.6.31 or later.');
    }
    const initrd = initrdPlace(facts);
    const found = `Kernel B (linked at ${hex(placement.linkedAt)}) runs at ${inHex(place)}`;
    if (place.max > window.max) {
      return breaks(`${found}, and the window ends at ${hex(window.max)}.`, mendPlace(facts, place));
    }
    if (place.max >= initrd.min) {
      return breaks(`${found}, and its RAM disk is at ${inHex(initrd)}.`, mendPlace(facts, place));
    }
    return ok(`${found}, below its RAM disk at ${inHex(initrd)}.`);
  },
};

function mendPlace({ kernels: { B } }: Facts, place: Window): string {
  const end = place.max + alignUp(B.initrd.size, PAGE) + AT_THE_TOP;
  const larger = `Let the window reach from ${hex(place.min)} or below to ${hex(alignUp(end + 1, MIB) - 1)} or beyond`;
  return `${larger}, or build kernel B with a lower CONFIG_PHYSICAL_START.`;
}

/** The root file system is a tmpfs, and takes half of memory at most. Source: mm/shmem.c, shmem_default_max_blocks(). */
const ROOT_SHARE = 2;

const memoryOfB: Rule = {
  name: 'memory-of-kernel-b',
  title: 'Memory enough for kernel B',
  purpose: 'jump',
  otherwise:
    'Kernel B unpacks only a part of its RAM disk ("Initramfs unpacking failed: write error") and lacks programs such as kexec; with less it panics ("No working init found", "System is deadlocked on memory").',
  judge: ({ window, kernels: { B } }): Finding => {
    const { initrd, placement } = B;
    const remedy = 'Make the window larger, or the RAM disk smaller.';
    const size = sizeOf(window);
    const kernel = placement?.initSize ?? 0;
    if (initrd.unpacked === undefined || !placement) {
      const least = kernel + 2 * initrd.size;
      const found = `How large "${initrd.path}" is when it is unpacked is not known (neither cpio nor gzip); the window has ${mib(size)}.`;
      return size < least ? breaks(found, remedy) : unknown(found, remedy);
    }
    const needed = kernel + initrd.size + ROOT_SHARE * initrd.unpacked;
    const found = `The window has ${mib(size)}; kernel B takes ${mib(needed)}: ${mib(kernel)}, ${mib(initrd.size)} of RAM disk, and twice the ${mib(initrd.unpacked)} it unpacks to half of memory.`;
    return size < needed ? breaks(found, remedy) : ok(found);
  },
};

export const WINDOW_RULES: readonly Rule[] = [
  inMemory,
  halfOfMemory,
  roomForSources,
  initrdInWindow,
  relocatable,
  kernelInWindow,
  memoryOfB,
];
