/** What the explorer of a memory image is asked, in a thread of its own, and what it answers. Byte arrays are a byte a page. */
import type { Difference } from '../core/imageDiff.ts';
import type { ImageFact } from '../core/images/memoryImage.ts';
import type { ViewName } from '../core/imageKernels.ts';
import type { DetailRow, MemoryRegion } from '../protocol.ts';

/** A file to open, and what is known about it. */
export interface ImageToOpen {
  /** One, or the parts of a split set in any order. */
  paths: string[];
  /** Physical re-entry point of the jump to show, or none; else the image tells it, or it is looked for. */
  entry?: number | 'none' | undefined;
  /** Files that may be the vmlinux of its kernel, beside those that are installed. */
  vmlinux?: readonly string[];
}

export interface KernelSummary {
  view: ViewName;
  release: string;
  buildId: string | undefined;
  /** Where its VMCOREINFO is: in the image's note, or at a physical address. */
  foundAt: 'note' | number;
}

/** What is to be said of an image at once. */
export interface ImageSummary {
  title: string;
  format: string;
  facts: ImageFact[];
  /** The one whose pages are shown comes first. */
  kernels: KernelSummary[];
  /** Physical, of the jump that the image was taken in. */
  entry: number | undefined;
  /** Sentences: what is missing, broken or cannot be told. */
  problems: string[];
}

/** The picture of an image's pages. */
export interface ImageMap {
  pageCount: number;
  classNames: { name: string; description: string }[];
  classes: Uint8Array;
  presence: Uint8Array;
  roleNames: string[];
  roles: Uint8Array;
  owners: Uint8Array;
  /** pfn of destination and source by turns. */
  exchanges: Uint32Array;
  /** Physical address and value of each word of the page list by turns. */
  listWords: Uint32Array;
  regions: MemoryRegion[];
}

/** What is looked for in an image: bytes in hexadecimal, text in UTF-8, or a word of the kernel's that a number or a name stands for. */
export interface SearchQuery {
  kind: 'bytes' | 'text' | 'textInAnyCase' | 'pointer';
  text: string;
}

/** What was found. */
export interface SearchResult {
  /** 1 for each page frame in which a match begins, else 0. */
  bytes: Uint8Array;
  /** A line for each match. */
  text: string;
  matches: number;
  /** There are more. */
  isCut: boolean;
}

/** A jump that an image may have been taken in. */
export interface EntryCandidate {
  /** Physical re-entry point. */
  entry: number;
  /** Pages that the jump exchanges. */
  exchanges: number;
}

/** Documents that are made of an image. */
export type ReportName = 'log' | 'tasks' | 'vmcoreinfo' | 'regions' | 'resumability' | 'page';

/** What some of them are asked about. */
export interface ReportSubject {
  /** Of "page": physical, or virtual of the kernel. */
  address?: string | undefined;
  /** Of "resumability": bytes of memory that kernel C has. */
  loaderMemory?: number | undefined;
}

/** Requests by name. */
export interface ExplorerRequests {
  /** Instead of what is open, which stays open should that fail. */
  open: { arguments: ImageToOpen; body: Record<string, never> };
  /** Problems come up as pages are read. */
  summary: { arguments: Record<string, never>; body: ImageSummary };
  map: { arguments: Record<string, never>; body: ImageMap };
  details: { arguments: { pfn: number }; body: DetailRow[] };
  /** The page frame of a virtual address of the kernel (`0x…`) or of one of its symbols. */
  find: { arguments: { text: string }; body: { pfn: number } };
  /** Looks through the whole image for re-entry points. */
  entries: { arguments: Record<string, never>; body: EntryCandidate[] };
  /** Fails when there is no control page with that re-entry point. */
  checkEntry: { arguments: { entry: number }; body: Record<string, never> };
  /** Fails when that is nothing to look for. */
  checkSearch: { arguments: SearchQuery; body: Record<string, never> };
  search: { arguments: SearchQuery; body: SearchResult };
  /** Compares with another image. `bytes`: an index into `differences` for each page frame. */
  compare: {
    arguments: ImageToOpen;
    body: { differences: readonly Difference[]; bytes: Uint8Array; text: string };
  };
  report: { arguments: { name: ReportName; subject: ReportSubject }; body: string };
}

export type ExplorerRequest = {
  [Name in keyof ExplorerRequests]: {
    id: number;
    name: Name;
    arguments: ExplorerRequests[Name]['arguments'];
    /** One word: not 0 once nobody waits for the answer any more. Shared, as the thread hears nothing while it works. */
    cancelled: SharedArrayBuffer;
  };
}[keyof ExplorerRequests];

/** What the thread says: the answer to a request, and before that how far it is. */
export type ExplorerMessage =
  | { id: number; body: unknown }
  | { id: number; error: string; isCancelled: boolean }
  /** @property fraction of what is being done, 0 to 1. */
  | { id: number; doing: string; fraction: number };
