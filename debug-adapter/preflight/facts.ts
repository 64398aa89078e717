/** What the rules judge by. Sizes are in bytes, addresses physical, where nothing else is said. */
import type { KernelPlacement } from '../../qemu-runner/bootHeader.ts';
import type { Window } from '../../qemu-runner/window.ts';
import type { HibernateWish } from '../protocol.ts';
import type { KernelOptions } from './kernelOptions.ts';

export interface Facts {
  /** The machine's memory. */
  memory: number;
  window: Window;
  kernels: Readonly<Record<'A' | 'B', KernelFacts>>;
  /** The disks that belong to a save. */
  save: SaveFacts;
  /** Of an image that is to be resumed. */
  resume: ResumeFacts | undefined;
  /** What the machine says itself; `undefined` before it runs. */
  live: LiveFacts | undefined;
}

export interface KernelFacts {
  options: KernelOptions;
  /** Its command line. */
  append: string;
  /** The part of the bzImage that is loaded in protected mode. */
  imageSize: number;
  placement: KernelPlacement | undefined;
  /** What machine_kexec() does behind the return of a jump, and before it leaves; `undefined` where its code does not tell. */
  reloadsGdt: boolean | undefined;
  savesRegisters: boolean | undefined;
  /** What relocate_kernel does behind the return, of a kernel that needs it. */
  setsCr4Again: boolean | 'without PAE' | undefined;
  initrd: InitrdFacts;
}

export interface InitrdFacts {
  path: string;
  size: number;
  /** Of its archive; `undefined` when it cannot be decompressed here. */
  unpacked: number | undefined;
  /** The kexec program in it: with our series, as Debian ships it, or none that could be found. */
  kexec: 'patched' | 'stock' | undefined;
}

/** Where the image is written, first by kernel B and then by this machine. */
export interface SaveFacts {
  level: HibernateWish['level'];
  /** The session's folder, and that of the file. */
  places: readonly DiskPlace[];
}

export interface DiskPlace {
  path: string;
  /** What this user may still write there. */
  free: number;
  /** Places of the same number share what is free. */
  device: number;
}

export interface ResumeFacts {
  path: string;
  /** Memory that the image's ranges take. */
  loaded: number;
  /** Behind the last byte of kernel A's memory. */
  memoryEnd: number;
  /** Whether kernel C lives in the image's window alone and writes each page to its place; else it loads the image first. */
  copies: boolean;
}

export interface LiveFacts {
  /** The kernel that answered. */
  kernel: 'A' | 'B';
  /** System RAM of that kernel's /proc/iomem; `end` is the last byte. */
  systemRam: readonly { start: number; end: number }[];
  /** MemTotal and MemAvailable of /proc/meminfo. */
  total: number;
  available: number;
  /** What kernel A has loaded, if it has. */
  loaded:
    | {
        segments: readonly { address: number; size: number }[];
        /** Lowest and highest destination page. */
        destinations: { first: number; last: number; count: number } | undefined;
      }
    | undefined;
}
