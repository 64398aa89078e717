/** The model as the page map holds it: bytes by page, counts by class and owner, who is exchanged with whom. */
import { unpackRuns } from '../pageRuns.ts';
import {
  OWNER_CHANNEL,
  type ExchangeProgress,
  type MemoryRegion,
  type PageClass,
  type PageLayer,
  type PageListModel,
  type PageMapChange,
  type PageMapModel,
  type PageOwner,
  type PageRun,
} from '../protocol.ts';
import { Exchanges } from './exchanges.ts';
import { codeOf } from './palette.ts';

/** What a change touched: some pages, all there is to a layer, or regions and exchanges. */
export type Touched = { pages: readonly PageRun[] } | 'layers' | 'marks';

/** Changes of pages; the timeline is beside them. */
export type PageChange = Exclude<PageMapChange, { type: 'timeline' }>;

/** Prominent pages that are pointed at one by one; more of them are seen without. */
const FEW = 200;

/** A memory's pages, one layer of them shown. */
export class Pages {
  /** By pfn, class of the layer shown and owner (`codeOf()`). */
  readonly codes: Uint16Array;
  /** By pfn, 1 when the page was exchanged. */
  readonly isExchanged: Uint8Array;
  /** Pages by class byte of the layer shown, and by owner byte. */
  readonly classCounts = new Uint32Array(256);
  readonly ownerCounts = new Uint32Array(256);
  regions: readonly MemoryRegion[];
  exchanges: Exchanges;
  /** The list behind the exchanges, where it is known. */
  list: PageListModel | undefined;
  private walked: ExchangeProgress = { done: 0, isReturn: false };
  /** Pages of prominent classes, until a byte changes. */
  private prominent: number[] | undefined;
  private layersById: Map<string, PageLayer>;
  private shown: PageLayer;

  constructor(private readonly model: PageMapModel) {
    const { pageCount, layers, regions, exchanges, progress, list } = model;
    this.codes = new Uint16Array(pageCount);
    this.isExchanged = new Uint8Array(pageCount);
    this.regions = regions;
    this.layersById = new Map(layers.map((layer) => [layer.id, layer]));
    this.shown = layers[0]!;
    this.exchanges = new Exchanges(exchanges);
    this.list = list;
    this.setProgress(progress);
    this.recode();
  }

  get title(): string {
    return this.model.title;
  }

  get count(): number {
    return this.model.pageCount;
  }

  /** Bytes. */
  get pageSize(): number {
    return this.model.pageSize;
  }

  get layers(): readonly PageLayer[] {
    return [...this.layersById.values()];
  }

  get layer(): PageLayer {
    return this.shown;
  }

  get owners(): readonly PageOwner[] {
    return this.model.owners.kinds;
  }

  /** Whether the host can show the pages of an exchange. */
  get opensExchanges(): boolean {
    return this.model.opensExchanges ?? false;
  }

  /** Whether the host can show what is in a page. */
  get opensPages(): boolean {
    return this.model.opensPages ?? false;
  }

  classOf(pfn: number): PageClass | undefined {
    return this.shown.classes[this.codes[pfn]! & 0xff];
  }

  ownerOf(pfn: number): PageOwner | undefined {
    return this.owners[this.codes[pfn]! >> 8];
  }

  /** How far the exchanges are. */
  get progress(): ExchangeProgress {
    return this.walked;
  }

  /** Exchanges whose pages have changed places. */
  get exchangedCount(): number {
    const { done, isReturn } = this.walked;
    return isReturn ? this.exchanges.count - done : done;
  }

  /** The regions that a page is in. */
  regionsOf(pfn: number): MemoryRegion[] {
    return this.regions.filter(({ first, count }) => pfn >= first && pfn < first + count);
  }

  /** The next page of the same class behind a page, or before it, going around; the page itself when it is the only one. */
  nextAlike(pfn: number, step: 1 | -1, classByte = this.codes[pfn]! & 0xff): number {
    for (let walked = 1; walked <= this.count; walked++) {
      const candidate = (pfn + step * walked + this.count) % this.count;
      if ((this.codes[candidate]! & 0xff) === classByte) return candidate;
    }
    return pfn;
  }

  /** Pages of prominent classes, when they are few enough to be pointed at; none otherwise. */
  get fewProminent(): readonly number[] {
    this.prominent ??= this.findProminent();
    return this.prominent;
  }

  /** Shows another layer; an unknown one changes nothing. */
  show(id: string): void {
    this.shown = this.layersById.get(id) ?? this.shown;
    this.recode();
  }

  apply(change: PageChange): Touched {
    switch (change.type) {
      case 'pages':
        return this.write(change.channel, unpackRuns(change.runs));
      case 'exchanges':
        this.exchanges = new Exchanges(change.exchanges);
        this.list = change.list;
        this.setProgress(change.progress);
        return 'marks';
      case 'progress':
        this.setProgress(change.progress);
        return 'marks';
      case 'regions':
        this.regions = change.regions;
        return 'marks';
      case 'layer':
        this.layersById.set(change.layer.id, change.layer);
        this.show(change.show || this.shown.id === change.layer.id ? change.layer.id : this.shown.id);
        return 'layers';
      case 'removeLayer':
        if (this.layersById.size > 1) this.layersById.delete(change.id);
        this.show(this.layersById.has(this.shown.id) ? this.shown.id : this.layers[0]!.id);
        return 'layers';
    }
  }

  private write(channel: string, runs: readonly PageRun[]): Touched {
    const bytes = channel === OWNER_CHANNEL ? this.model.owners.bytes : this.layersById.get(channel)?.bytes;
    const isShown = channel === OWNER_CHANNEL || channel === this.shown.id;
    for (const run of runs) {
      bytes?.set(run.bytes.subarray(0, Math.max(0, this.count - run.first)), Math.min(run.first, this.count));
      if (isShown) this.recode(run.first, Math.min(this.count, run.first + run.bytes.length));
    }
    return { pages: isShown ? runs : [] };
  }

  /** Takes codes and counts of some pages from the bytes; of all of them, unless told otherwise. */
  private recode(first?: number, end = this.count): void {
    const { classCounts, ownerCounts, codes } = this;
    this.prominent = undefined;
    const { bytes: classes } = this.shown;
    const { bytes: owners } = this.model.owners;
    if (first === undefined) {
      classCounts.fill(0);
      ownerCounts.fill(0);
    }
    for (let pfn = first ?? 0; pfn < end; pfn++) {
      if (first !== undefined) {
        classCounts[codes[pfn]! & 0xff]!--;
        ownerCounts[codes[pfn]! >> 8]!--;
      }
      codes[pfn] = codeOf(classes[pfn]!, owners[pfn]!);
      classCounts[classes[pfn]!]!++;
      ownerCounts[owners[pfn]!]!++;
    }
  }

  private findProminent(): number[] {
    const bytes = this.shown.classes.flatMap(({ prominent }, byte) => (prominent ? [byte] : []));
    const found: number[] = [];
    if (bytes.reduce((total, byte) => total + this.classCounts[byte]!, 0) > FEW) return found;
    for (const byte of bytes) {
      for (let pfn = this.shown.bytes.indexOf(byte); pfn >= 0; pfn = this.shown.bytes.indexOf(byte, pfn + 1)) {
        found.push(pfn);
      }
    }
    return found;
  }

  private setProgress(progress: ExchangeProgress): void {
    this.walked = { ...progress, done: Math.min(progress.done, this.exchanges.count) };
    this.exchanges.mark(this.walked, this.isExchanged);
  }
}
