/** The explorer's thread: one image, one request after the other. */
import { parentPort } from 'node:worker_threads';
import { notInImage } from '../core/errors.ts';
import { DIFFERENCES } from '../core/imageDiff.ts';
import { readImageJump } from '../core/imageJump.ts';
import { PAGE_SIZE } from '../core/physicalMemory.ts';
import { Cancelled, type Watcher } from '../core/watch.ts';
import { compareImages } from './compare.ts';
import { Explorer } from './explorer.ts';
import { imagePicture } from './imagePicture.ts';
import { pageFacts } from './pageFacts.ts';
import { placeOf } from './pageReport.ts';
import type { ExplorerMessage, ExplorerRequest, ExplorerRequests } from './protocol.ts';
import { makeReport } from './reports.ts';
import { searchImage } from './search.ts';
import { needleOf } from './searchQuery.ts';

/** Milliseconds between two messages about progress. */
const TELL_EACH = 100;

let explorer: Explorer | undefined;
/** The request that is being answered. */
let current: ExplorerRequest | undefined;
let told = 0;

/** Of whatever is being done, whichever request it is for. */
const watch: Watcher = (doing) => (done, total) => {
  if (!current) return;
  if (Atomics.load(new Int32Array(current.cancelled), 0) !== 0) throw new Cancelled();
  const now = performance.now();
  if (now - told < TELL_EACH) return;
  told = now;
  tell({ id: current.id, doing, fraction: done / total });
};

const HANDLERS: {
  [Name in keyof ExplorerRequests]: (wanted: ExplorerRequests[Name]['arguments']) => ExplorerRequests[Name]['body'];
} = {
  open: (image) => {
    const opened = Explorer.open(image, watch);
    try {
      // The classes of its pages are what takes long, and are kept.
      imagePicture(opened);
    } catch (error) {
      opened.close();
      throw error;
    }
    explorer?.close();
    explorer = opened;
    return {};
  },
  summary: () => explorer!.summary,
  map: () => imagePicture(explorer!),
  details: ({ pfn }) => pageFacts(explorer!, pfn),
  find: ({ text }) => {
    const { physical } = placeOf(explorer!, text);
    if (physical >= explorer!.image.size) throw notInImage(physical);
    return { pfn: Math.floor(physical / PAGE_SIZE) };
  },
  entries: () => {
    const { entries, image } = explorer!;
    return entries.map((entry) => ({ entry, exchanges: readImageJump(image, entry).list.exchanges.length }));
  },
  checkEntry: ({ entry }) => {
    readImageJump(explorer!.image, entry);
    return {};
  },
  checkSearch: (query) => {
    needleOf(explorer!, query);
    return {};
  },
  search: (query) => searchImage(explorer!, query),
  compare: (other) => {
    const second = Explorer.open(other, watch);
    try {
      return { differences: DIFFERENCES, ...compareImages(explorer!, second) };
    } finally {
      second.close();
    }
  },
  report: ({ name, subject }) => makeReport(explorer!, name, subject),
};

function tell(message: ExplorerMessage): void {
  parentPort!.postMessage(message);
}

parentPort!.on('message', (request: ExplorerRequest) => {
  const { id, name, arguments: wanted } = request;
  current = request;
  try {
    tell({ id, body: (HANDLERS[name] as (wanted: unknown) => unknown)(wanted) });
  } catch (error) {
    tell({ id, error: (error as Error).message, isCancelled: error instanceof Cancelled });
  }
});
