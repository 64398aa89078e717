/** Changes of a byte-a-page array: found, packed for a message, applied. */
import type { PackedRuns, PageRun } from './protocol.ts';

/** Two changes this near to each other are one run: the bytes between cost less than a run of its own. */
const NEAR = 8;

/** What is to be written into `before` to make it `after`. Both are of the same length. */
export function changedRuns(before: Uint8Array, after: Uint8Array): PageRun[] {
  const runs: PageRun[] = [];
  let first = -1;
  let end = -1;
  for (let pfn = 0; pfn < after.length; pfn++) {
    if (before[pfn] === after[pfn]) continue;
    if (first >= 0 && pfn - end > NEAR) {
      runs.push({ first, bytes: after.slice(first, end) });
      first = pfn;
    }
    if (first < 0) first = pfn;
    end = pfn + 1;
  }
  if (first >= 0) runs.push({ first, bytes: after.slice(first, end) });
  return runs;
}

export function packRuns(runs: readonly PageRun[]): PackedRuns {
  const spans = new Uint32Array(runs.length * 2);
  const bytes = new Uint8Array(runs.reduce((total, run) => total + run.bytes.length, 0));
  let offset = 0;
  runs.forEach((run, index) => {
    spans.set([run.first, run.bytes.length], index * 2);
    bytes.set(run.bytes, offset);
    offset += run.bytes.length;
  });
  return { spans, bytes };
}

/** Views of the packed runs, in their order. */
export function unpackRuns({ spans, bytes }: PackedRuns): PageRun[] {
  const runs: PageRun[] = [];
  let offset = 0;
  for (let index = 0; index + 1 < spans.length; index += 2) {
    const length = spans[index + 1]!;
    runs.push({ first: spans[index]!, bytes: bytes.subarray(offset, offset + length) });
    offset += length;
  }
  return runs;
}
