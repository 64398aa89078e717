/** The exchanges that a swap has made since the page map was drawn, made in what is drawn: contents change places. */
import type { SwapProgress } from '../debug-adapter/protocol.ts';

/** What is drawn of a memory: bytes a page, and the pairs of pages in the order of the page list. */
export interface Movable {
  classes: Uint8Array;
  owners: Uint8Array;
  /** pfn of destination and source by turns. */
  pairs: Uint32Array;
  progress: SwapProgress;
}

/** @returns what is to be drawn once the swap has come so far; `before` itself when nothing has moved. */
export function moved(before: Movable, { done, isReturn }: SwapProgress): Movable {
  const since = walkedBefore(before, isReturn);
  if (since === undefined || done <= since) return before;
  const [classes, owners] = [before.classes.slice(), before.owners.slice()];
  for (let number = since; number < done; number++) {
    const [destination, source] = [before.pairs[2 * number]!, before.pairs[2 * number + 1]!];
    for (const bytes of [classes, owners]) {
      [bytes[destination], bytes[source]] = [bytes[source]!, bytes[destination]!];
    }
  }
  return { classes, owners, pairs: before.pairs, progress: { done, isReturn } };
}

/** How far this walk had come when it was drawn; a walk begins where the one before it has ended. */
function walkedBefore({ progress, pairs }: Movable, isReturn: boolean): number | undefined {
  if (progress.isReturn === isReturn) return progress.done;
  return progress.done === pairs.length / 2 ? 0 : undefined;
}
