/**
 * What the page map and its host tell each other. Typed arrays travel as they are: VS Code's postMessage takes them.
 *
 * The host begins when it hears `ready`: the whole model once, then changes only. A page map that was hidden starts anew
 * with `ready`. A page frame number (pfn) counts pages of physical memory from 0.
 */

/** One kind of page: an entry of a legend. Its place in its list is the byte that stands for it. */
export interface PageClass {
  /** Stays the same from session to session: what a person switched off is kept by it. */
  id: string;
  /** A word or two, in the legend and for a screen reader. */
  name: string;
  /** A sentence that says what such a page is. */
  description: string;
  /** A colour of the theme by VS Code's name, such as `charts.blue`. */
  color: string;
  /** How much of the background is mixed into the colour, 0 (default) to 1: tells relatives of one colour apart. */
  tone?: number;
  /** Whether the class is on until a person decides otherwise; what is off is dimmed. Default: on. */
  on?: boolean;
  /** Whether one such page is to be seen however far the map is zoomed out. */
  prominent?: boolean;
}

/** How the pages of an owner are told apart in every colour: bare, faded, or hatched. */
export type OwnerMark = 'plain' | 'faint' | 'stripes' | 'crosses';

/** Whose content a page holds: an entry of the second legend. Its place in its list is the byte that stands for it. */
export interface PageOwner {
  id: string;
  name: string;
  description: string;
  mark: OwnerMark;
  /** As for a class. */
  on?: boolean;
}

/** One way to colour the map, such as what a page is, or the result of an audit. */
export interface PageLayer {
  id: string;
  name: string;
  /** At most 255. */
  classes: PageClass[];
  /** A byte a page: an index into `classes`. */
  bytes: Uint8Array;
}

/** A named piece of physical memory, such as the window or the control page. */
export interface MemoryRegion {
  name: string;
  /** pfn of its first page. */
  first: number;
  /** Pages. */
  count: number;
}

/** How far a walk through the exchanges is. */
export interface ExchangeProgress {
  /** Exchanges from the first on that are made on this walk. */
  done: number;
  /** Copies of the next one that are made, of `COPIES`; absent when nobody is at work. */
  copies?: number;
  /** The walk undoes what the one before has exchanged: those that are not done are still exchanged. */
  isReturn: boolean;
}

/** Copies that make an exchange: source to the swap page, destination to the source, swap page to the destination. */
export const COPIES = 3;

/** What a word of a page list can be, by its flags: the bits below the page size. */
export interface ListWordKind {
  flags: number;
  /** A word, in the table and for a screen reader. */
  name: string;
  description: string;
  /** The n-th word of such a kind makes exchange n. */
  isExchange?: boolean;
}

/** The list by which a jump exchanges pages, word by word. */
export interface PageListModel {
  kinds: ListWordKind[];
  /** Physical address of a word and the word by turns, in the order they are read. A word is the address of a page and flags. */
  words: Float64Array;
}

/** A stretch of time, such as a phase of a jump. */
export interface TimelineSpan {
  /** A word or two. */
  label: string;
  /** A sentence that says what happens in it. */
  detail: string;
  /** Whose time it is, such as "Kernel A". */
  group: string;
  /** A colour of the theme by VS Code's name, and how its bar is told apart in every colour. */
  color: string;
  mark: OwnerMark;
  /** Seconds from where the timeline begins. */
  begin: number;
  /** Absent while it lasts. */
  end?: number;
}

/** What is to be said of a memory as a whole: of a saved image, say. */
export interface AboutMemory {
  /** A line. */
  title: string;
  facts: { label: string; value: string }[];
  /** Sentences: what is missing, broken, or cannot be told. */
  problems: string[];
  /** What a person can do with it; the host hears the id. */
  actions: { id: string; label: string }[];
}

/** Everything there is to show. */
export interface PageMapModel {
  /** Whose memory it is, for a screen reader: "Memory of kernel A and kernel B". */
  title: string;
  /** Pages. */
  pageCount: number;
  /** Bytes; a power of two. */
  pageSize: number;
  /** At least one; the first is shown first. */
  layers: PageLayer[];
  /** `bytes`: a byte a page, an index into `kinds`. */
  owners: { kinds: PageOwner[]; bytes: Uint8Array };
  /** Where they overlap on the screen, the earlier one keeps its label. */
  regions: MemoryRegion[];
  /** What a jump exchanges, in its order: pfn of destination and source by turns. An exchange's number counts from 0. */
  exchanges: Uint32Array;
  progress: ExchangeProgress;
  /** The list behind the exchanges, where it is known. */
  list?: PageListModel;
  /** The host answers `showExchange`. */
  opensExchanges?: boolean;
  /** The host answers `showPage`. */
  opensPages?: boolean;
  /** In their order; a memory without a history has none. */
  timeline?: TimelineSpan[];
  about?: AboutMemory;
}

/** Pages whose byte is another now: pfn of the first, and the new bytes. */
export interface PageRun {
  first: number;
  bytes: Uint8Array;
}

/** Many runs in two arrays, which cost a message less than many small ones. */
export interface PackedRuns {
  /** pfn of the first page and number of pages by turns. */
  spans: Uint32Array;
  /** The bytes of all runs, one after the other. */
  bytes: Uint8Array;
}

/** A mark of the map's `performance` timeline: a model that has come is on the screen. */
export const PAINTED_MARK = 'kexecJump/painted';

/** The channel of `PageMapModel.owners`; any other channel is the id of a layer. */
export const OWNER_CHANNEL = 'owner';

/** What can change in a model. */
export type PageMapChange =
  | { type: 'pages'; channel: string; runs: PackedRuns }
  | { type: 'exchanges'; exchanges: Uint32Array; progress: ExchangeProgress; list?: PageListModel }
  | { type: 'progress'; progress: ExchangeProgress }
  | { type: 'timeline'; timeline: TimelineSpan[] }
  | { type: 'regions'; regions: MemoryRegion[] }
  /** Adds a layer, or replaces the one with its id. `show`: and shows it. */
  | { type: 'layer'; layer: PageLayer; show?: boolean }
  | { type: 'removeLayer'; id: string };

/** A line of the details of a page. */
export interface DetailRow {
  label: string;
  value: string;
  /** pfn of a page that the value names: it becomes a link to that page. */
  page?: number;
}

/** From the host to the page map. */
export type HostMessage =
  | { type: 'model'; model: PageMapModel }
  | PageMapChange
  /** Selects a page and brings it into view. */
  | { type: 'reveal'; pfn: number }
  /** Opens the page list; with a number, at the word that makes that exchange. */
  | { type: 'showList'; exchange?: number }
  | { type: 'details'; pfn: number; rows: DetailRow[] }
  /** The answer to `find` when there is nothing; `reveal` is the answer otherwise. */
  | { type: 'notFound'; why: string };

/** From the page map to the host. */
export type PageMapMessage =
  | { type: 'ready' }
  | { type: 'selected'; pfn: number }
  | { type: 'details'; pfn: number }
  /** A person wants to see the pages of an exchange, by its number. */
  | { type: 'showExchange'; number: number }
  /** A person wants to see what is in a page. */
  | { type: 'showPage'; pfn: number }
  /** What a person typed under "Go to" that is no pfn, no address and no region: a symbol, maybe. */
  | { type: 'find'; text: string }
  /** One of the actions of `AboutMemory`. */
  | { type: 'action'; id: string };
