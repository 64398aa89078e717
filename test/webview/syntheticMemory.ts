/** A made-up guest for the page map: all kinds of pages, two kernels, a jump that is under way. */
import { changedRuns, packRuns } from '../../vmcore-viewer/pageRuns.ts';
import {
  OWNER_CHANNEL,
  type DetailRow,
  type ListWordKind,
  type PageClass,
  type PageLayer,
  type PageListModel,
  type PageMapChange,
  type PageMapModel,
  type PageOwner,
  type TimelineSpan,
} from '../../vmcore-viewer/protocol.ts';

export const PAGE_SIZE = 4096;
/** Pages of 4 GiB. */
export const PAGES_OF_4_GIB = 1 << 20;

const CLASSES = [
  { id: 'free', name: 'Free', description: 'In the buddy lists.', color: 'charts.lines', tone: 0.55 },
  { id: 'cache', name: 'Page cache', description: 'Content of a file.', color: 'charts.blue', tone: 0.25 },
  { id: 'anonymous', name: 'Anonymous', description: 'Heap or stack of a program.', color: 'charts.green' },
  { id: 'slab', name: 'Slab', description: 'Objects of the kernel.', color: 'charts.purple' },
  { id: 'pageTable', name: 'Page tables', description: 'Maps virtual memory.', color: 'terminal.ansiCyan' },
  { id: 'text', name: 'Kernel text', description: 'Code of a kernel.', color: 'charts.yellow' },
  { id: 'data', name: 'Kernel data', description: 'Variables of a kernel.', color: 'charts.yellow', tone: 0.45 },
  { id: 'reserved', name: 'Reserved', description: 'Never given out.', color: 'descriptionForeground', tone: 0.3 },
  { id: 'control', name: 'kexec control page', description: 'Holds relocate_kernel.', color: 'charts.red' },
  {
    id: 'swap',
    name: 'Swap page',
    description: 'Between the copies of an exchange.',
    color: 'terminal.ansiBrightMagenta',
  },
  { id: 'source', name: 'Source', description: 'Goes to a destination.', color: 'charts.orange' },
  { id: 'destination', name: 'Destination', description: 'Gets a source.', color: 'charts.orange', tone: 0.45 },
  {
    id: 'indirection',
    name: 'Indirection page',
    description: 'Part of the page list.',
    color: 'charts.red',
    tone: 0.4,
  },
] satisfies PageClass[];

type ClassId = (typeof CLASSES)[number]['id'];

const OWNERS: PageOwner[] = [
  { id: 'nobody', name: 'Nobody', description: 'Free, or content without worth.', mark: 'faint' },
  { id: 'a', name: 'Kernel A', description: 'Content that kernel A put there.', mark: 'plain' },
  { id: 'b', name: 'Kernel B', description: 'Content that kernel B put there.', mark: 'stripes' },
  { id: 'both', name: 'Both kernels', description: 'Shared, as the control page is.', mark: 'crosses' },
];

const AUDIT_CLASSES: PageClass[] = [
  { id: 'untouched', name: 'Untouched', description: 'As before the jump.', color: 'charts.lines', tone: 0.55 },
  { id: 'exact', name: 'Exchanged exactly', description: 'Holds what its partner held.', color: 'charts.green' },
  {
    id: 'wrong',
    name: 'Not what it should be',
    description: 'Differs from its partner.',
    color: 'charts.red',
    prominent: true,
  },
];

const byteOf = (id: ClassId): number => CLASSES.findIndex((kind) => kind.id === id);

/** Pages alike, in the proportions of a machine that has run for a while. */
const MIXTURE: [ClassId, number][] = [
  ['free', 0.35],
  ['cache', 0.35],
  ['anonymous', 0.2],
  ['slab', 0.07],
  ['pageTable', 0.03],
];

const LIST_KINDS: ListWordKind[] = [
  { flags: 1, name: 'destination', description: 'Where the next sources go.' },
  { flags: 2, name: 'indirection', description: 'The list goes on in this page.' },
  { flags: 4, name: 'done', description: 'The end of the list.' },
  { flags: 8, name: 'source', description: 'Changes places with its destination.', isExchange: true },
];
const WORDS_A_PAGE = PAGE_SIZE / 4;
/** Exchanges for which the destination goes on by itself. */
const RUN = 512;

/** The list of some exchanges as kexec makes it. @param first pfn of the first page that it fills. */
export function pageListOf(exchanges: Uint32Array, first: number): PageListModel {
  const words: number[] = [];
  let at = first * PAGE_SIZE;
  const push = (pfn: number, flags: number): void => {
    words.push(at, pfn * PAGE_SIZE + flags);
    at += 4;
    if (at % PAGE_SIZE !== (WORDS_A_PAGE - 1) * 4) return;
    words.push(at, at - (at % PAGE_SIZE) + PAGE_SIZE + 2);
    at += 4;
  };
  for (let number = 0; number * 2 < exchanges.length; number++) {
    if (number % RUN === 0) push(exchanges[number * 2]!, 1);
    push(exchanges[number * 2 + 1]!, 8);
  }
  push(0, 4);
  return { kinds: LIST_KINDS, words: Float64Array.from(words) };
}

/** Seconds that each phase lasts: from a moment to minutes. */
const PHASES: [label: string, group: 'A' | 'B', lasted: number][] = [
  ['A starting', 'A', 2.4],
  ['A running', 'A', 75],
  ['A quiescing', 'A', 0.31],
  ['leaving A', 'A', 0.004],
  ['swapping pages', 'A', 0.0412],
  ['purgatory', 'B', 0.62],
  ['B starting', 'B', 3.1],
  ['B running', 'B', 341],
  ['B quiescing', 'B', 0.29],
  ['leaving B', 'B', 0.0002],
  ['swapping back', 'A', 0.05],
  ['A resuming', 'A', 0.2],
];

/** The phases of the first so many of endless round trips; the last one lasts. */
export function timelineOf(count: number): TimelineSpan[] {
  let now = 0;
  return Array.from({ length: count }, (_, index) => {
    // Kernel A starts once.
    const [label, group, lasted] = PHASES[index === 0 ? 0 : 1 + ((index - 1) % (PHASES.length - 1))]!;
    const begin = now;
    now += lasted;
    return {
      ...{ label, group: `Kernel ${group}`, detail: `What kernel ${group} does then.`, begin },
      ...(group === 'A' ? { color: 'charts.blue', mark: 'plain' } : { color: 'charts.purple', mark: 'stripes' }),
      ...(index === count - 1 ? {} : { end: now }),
    };
  });
}

/** The memory, and what happens to it step by step. */
export class SyntheticMemory {
  readonly model: PageMapModel;
  private readonly random = sequence(1);

  /** @param count pages; a few thousand at least. */
  constructor(count: number = PAGES_OF_4_GIB) {
    const classes = new Uint8Array(count);
    const owners = new Uint8Array(count);
    this.mix(classes, owners);
    const put = (first: number, length: number, id: ClassId, owner: number): void => {
      classes.fill(byteOf(id), first, first + length);
      owners.fill(owner, first, first + length);
    };
    const [text, window, control] = [count >> 6, count >> 3, Math.floor(count * 0.61)];
    put(0, 16, 'reserved', 1);
    put(text, count >> 8, 'text', 1);
    put(text + (count >> 8), count >> 8, 'data', 1);
    const exchanges = this.exchange(window, count >> 4, Math.floor(count * 0.7), count >> 6, put);
    put(control, 1, 'control', 3);
    put(control + 1, 1, 'swap', 0);
    put(control + 2, 4, 'indirection', 1);
    this.model = {
      title: 'Memory of kernel A and kernel B',
      pageCount: count,
      pageSize: PAGE_SIZE,
      layers: [{ id: 'what', name: 'What a page is', classes: CLASSES, bytes: classes }],
      owners: { kinds: OWNERS, bytes: owners },
      regions: [
        { name: 'Window of kernel B', first: window, count: count >> 4 },
        { name: 'Control page', first: control, count: 1 },
        { name: 'Kernel A', first: text, count: count >> 7 },
      ],
      timeline: timelineOf(5),
      exchanges,
      list: pageListOf(exchanges, control + 2),
      opensExchanges: true,
      progress: { done: 0, isReturn: false },
    };
  }

  /** The next exchanges are done: the content of both pages changes hands. */
  exchangeSome(count: number): PageMapChange[] {
    const { model } = this;
    const { bytes } = model.owners;
    const before = bytes.slice();
    const done = Math.min(model.exchanges.length / 2, model.progress.done + count);
    for (let number = model.progress.done; number < done; number++) {
      const [destination, source] = [model.exchanges[number * 2]!, model.exchanges[number * 2 + 1]!];
      [bytes[destination], bytes[source]] = [2, 1];
    }
    model.progress = { done, copies: 0, isReturn: false };
    return [
      { type: 'pages', channel: OWNER_CHANNEL, runs: packRuns(changedRuns(before, bytes)) },
      { type: 'progress', progress: model.progress },
    ];
  }

  /** Some pages are used for something else, as in a guest that runs. */
  churn(count: number): PageMapChange {
    const [{ bytes, id }] = this.model.layers as [PageLayer];
    const before = bytes.slice();
    for (let changed = 0; changed < count; changed++) {
      const pfn = Math.floor(this.random() * bytes.length);
      if (bytes[pfn]! <= byteOf('anonymous')) bytes[pfn] = Math.floor(this.random() * 3);
    }
    return { type: 'pages', channel: id, runs: packRuns(changedRuns(before, bytes)) };
  }

  /** What an audit found: one page of all is wrong. */
  audit(wrong: number): PageLayer {
    const bytes = new Uint8Array(this.model.pageCount);
    for (const pfn of this.model.exchanges.subarray(0, this.model.progress.done * 2)) bytes[pfn] = 1;
    bytes[wrong] = 2;
    return { id: 'audit', name: 'Audit of the jump', classes: AUDIT_CLASSES, bytes };
  }

  details(pfn: number): DetailRow[] {
    return [
      { label: 'struct page', value: '0x' + (0xf6b00000 + pfn * 32).toString(16) },
      { label: 'Flags', value: 'uptodate, lru, active' },
      { label: 'Buddy', value: '0x' + (pfn ^ 1).toString(16), page: pfn ^ 1 },
    ];
  }

  /** Runs of pages alike, of many lengths; nobody owns what is free. */
  private mix(classes: Uint8Array, owners: Uint8Array): void {
    for (let pfn = 0; pfn < classes.length;) {
      const length = Math.ceil(2 ** (this.random() * 11));
      const byte = byteOf(this.pick());
      classes.fill(byte, pfn, pfn + length);
      owners.fill(byte === byteOf('free') ? 0 : 1, pfn, pfn + length);
      pfn += length;
    }
  }

  private pick(): ClassId {
    let rest = this.random();
    return MIXTURE.find(([, share]) => (rest -= share) < 0)?.[0] ?? 'free';
  }

  /** The first pages of a window are destinations of as many sources elsewhere. */
  private exchange(
    window: number,
    windowLength: number,
    sources: number,
    count: number,
    put: (first: number, length: number, id: ClassId, owner: number) => void,
  ): Uint32Array {
    const pairs = new Uint32Array(count * 2);
    put(window, windowLength, 'free', 0);
    put(window, count, 'destination', 1);
    for (let number = 0; number < count; number++) {
      const source = sources + number * 2;
      put(source, 1, 'source', 2);
      pairs.set([window + number, source], number * 2);
    }
    return pairs;
  }
}

/** Numbers from 0 to 1 that are the same in each run (mulberry32). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
