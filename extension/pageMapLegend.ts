/** How the page map shows what the adapter tells of pages: names a person reads, colours of the theme, hatching. */
import type { PageClass, PageOwner } from '../vmcore-viewer/protocol.ts';

type Look = Pick<PageClass, 'name' | 'color' | 'tone' | 'prominent'>;

/** By the names of the classes of pages. */
const CLASS_LOOKS: Readonly<Record<string, Look>> = {
  absent: { name: 'No struct page', color: 'editor.background' },
  unreadable: { name: 'Unreadable', color: 'charts.lines', tone: 0.7 },
  free: { name: 'Free', color: 'charts.lines', tone: 0.55 },
  cache: { name: 'Page cache', color: 'charts.blue', tone: 0.25 },
  cachePrivate: { name: 'Page cache with buffers', color: 'charts.blue' },
  user: { name: 'Anonymous', color: 'charts.green' },
  hwpoison: { name: 'Memory error', color: 'charts.red', prominent: true },
  offline: { name: 'Offline', color: 'charts.lines' },
  slab: { name: 'Slab', color: 'charts.purple' },
  pageTable: { name: 'Page tables', color: 'terminal.ansiCyan' },
  kernelText: { name: 'Kernel text', color: 'charts.yellow' },
  kernelData: { name: 'Kernel data', color: 'charts.yellow', tone: 0.45 },
  reserved: { name: 'Reserved', color: 'descriptionForeground', tone: 0.3 },
  kernelStack: { name: 'Kernel stacks', color: 'charts.orange' },
  compound: { name: 'Compound', color: 'charts.purple', tone: 0.4 },
  other: { name: 'In use by the kernel', color: 'charts.orange', tone: 0.4 },
};

/** By the names of what kexec has a page for. */
const ROLE_LOOKS: Readonly<Record<string, Look & { description: string }>> = {
  none: { name: 'Not of the jump', description: 'The jump leaves it as it is.', color: 'charts.lines', tone: 0.7 },
  control: {
    name: 'Control page',
    description: 'Holds relocate_kernel, the saved registers and its stack.',
    color: 'charts.red',
    prominent: true,
  },
  swap: {
    name: 'Swap page',
    description: 'Between the copies of an exchange.',
    color: 'charts.purple',
    prominent: true,
  },
  indirection: {
    name: 'Indirection page',
    description: 'A piece of the page list.',
    color: 'terminal.ansiCyan',
    prominent: true,
  },
  source: { name: 'Source', description: 'Changes places with its destination.', color: 'charts.orange' },
  destination: { name: 'Destination', description: 'Changes places with its source.', color: 'charts.green' },
  self: {
    name: 'Self page',
    description: 'Source and destination in one: it stays.',
    color: 'charts.yellow',
    tone: 0.4,
  },
};

export const OWNER_KINDS: PageOwner[] = [
  { id: 'A', name: 'Kernel A', description: 'Content of kernel A.', mark: 'plain' },
  { id: 'B', name: 'Kernel B', description: 'Content of kernel B, or what kexec has loaded for it.', mark: 'stripes' },
  { id: 'both', name: 'The jump', description: 'Control page, swap page and page list.', mark: 'crosses' },
];

/** What an image has of a page, in the order of `PRESENCE`. */
export const PRESENCE_CLASSES: PageClass[] = [
  { id: 'absent', name: 'No memory', description: 'The image tells of no memory there.', color: 'editor.background' },
  { id: 'present', name: 'In the image', description: 'All of it can be read.', color: 'charts.green' },
  { id: 'partly', name: 'Partly', description: 'Some of its bytes are in the image.', color: 'charts.yellow' },
  {
    id: 'filtered',
    name: 'Left out',
    description: 'Left out when the image was written.',
    color: 'charts.lines',
    tone: 0.5,
  },
  {
    ...{ id: 'unreadable', name: 'Missing', description: 'It should be in the image, and cannot be read.' },
    ...{ color: 'charts.red', prominent: true },
  },
];

/** What a search has found in a page, by the explorer's bytes. */
export const SEARCH_CLASSES: PageClass[] = [
  { id: 'none', name: 'No match', description: 'No match begins in it.', color: 'charts.lines', tone: 0.7 },
  { id: 'match', name: 'Match', description: 'A match begins in it.', color: 'charts.yellow', prominent: true },
];

/** How a page differs from that of another image, by names. */
const DIFFERENCE_LOOKS: Readonly<Record<string, Look & { description: string }>> = {
  same: { name: 'The same', description: 'Both images have the same bytes.', color: 'charts.lines', tone: 0.6 },
  different: {
    name: 'Different',
    description: 'The images have other bytes.',
    color: 'charts.orange',
    prominent: true,
  },
  onlyFirst: { name: 'Only here', description: 'The other image does not have it.', color: 'charts.blue' },
  onlySecond: { name: 'Only in the other', description: 'This image does not have it.', color: 'charts.purple' },
  neither: { name: 'In neither', description: 'Neither image has it.', color: 'editor.background' },
};

/** The legend of a comparison, in the explorer's order. */
export function differenceClasses(names: readonly string[]): PageClass[] {
  return names.map((id) => ({ id, ...(DIFFERENCE_LOOKS[id] ?? { name: id, description: id, color: 'foreground' }) }));
}

/** The legend of the classes of pages, in the adapter's order. */
export function pageClasses(kinds: readonly { name: string; description: string }[]): PageClass[] {
  return kinds.map(({ name: id, description }) => ({
    ...{ id, description },
    ...(CLASS_LOOKS[id] ?? { name: id, color: 'foreground' }),
  }));
}

/** The legend of what the jump does with pages, in the adapter's order. */
export function kexecClasses(names: readonly string[]): PageClass[] {
  return names.map((id) => ({ id, ...(ROLE_LOOKS[id] ?? { name: id, description: id, color: 'foreground' }) }));
}
