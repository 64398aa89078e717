/** A jump from kernel A as far as memory tells of it: its page list, and how far it was walked. */
import type { PageExchange, PageList } from '../../vmcore-viewer/core/pageList.ts';
import { readSavedState } from '../../vmcore-viewer/core/controlPage.ts';
import type { KernelName } from '../jump/kernel.ts';
import { loadedPageList } from '../jump/kimage.ts';
import type { JumpSession } from '../jump/session.ts';
import { currentSwap, type Swap } from '../jump/swapSteps.ts';
import type { SwapProgress } from '../protocol.ts';

/** A page list and what is done of it. Addresses are physical. */
export interface JumpNow {
  list: PageList;
  progress: SwapProgress;
  controlPage?: number | undefined;
  swapPage?: number | undefined;
}

/** The page list: of a kimage that is loaded, or of the jump that is under way or done. @throws MemoryError when it is broken. */
export async function jumpNow(session: JumpSession): Promise<JumpNow | undefined> {
  const held = await currentSwap(session);
  if (held?.kernel === session.kernels.A) return jumpOf(session, held);
  // A machine that runs through the swap tells how far it has come by what its pages hold.
  const seen = held ? undefined : session.swap.now;
  if (seen?.kernel === 'A') {
    const { list, swapPage, exchanged: done, isReturn } = seen;
    return { list, progress: { done, isReturn }, controlPage: session.kernels.A.boot.controlPage?.physical, swapPage };
  }
  return session.physical.settle(() => jumpAtRest(session));
}

/** No kernel stands in the swap: all of the list is done, or nothing. */
function jumpAtRest({ kernels: { A }, live, state, physical }: JumpSession): JumpNow | undefined {
  const controlPage = A.boot.controlPage?.physical;
  const saved = controlPage === undefined ? undefined : readSavedState(physical, controlPage, A.controlCode);
  const { departedList } = A.boot;
  if (departedList && saved) {
    const isGone = live === 'B' || state.phase === 'swapping back';
    const progress = { done: isGone ? departedList.exchanges.length : 0, isReturn: false };
    return { list: departedList, progress, controlPage, swapPage: saved.swapPage };
  }
  const list = live === 'A' ? loadedPageList(A, physical) : undefined;
  return list && { list, progress: { done: 0, isReturn: false }, controlPage };
}

function jumpOf(session: JumpSession, { list, place, controlPage, saved }: Swap): JumpNow {
  const progress = {
    done: place.exchangesDone,
    copies: place.copiesDone,
    isReturn: session.state.phase === 'swapping back',
  };
  return { list, progress, controlPage, swapPage: saved.swapPage };
}

/** Whether the two pages of an exchange have changed places: the way back walks the same list and undoes it. */
export function isSwapped({ done, isReturn }: SwapProgress, number: number): boolean {
  return number < done !== isReturn;
}

/** The exchanges behind which a kernel's pages are to be found now: those that moved them. */
export function movesOf({ list, progress }: JumpNow, kernel: KernelName): PageExchange[] {
  // Kernel A's pages are where they were before the exchanges that are done; kernel B's where those that are not would bring them.
  return list.exchanges.filter((_, number) => isSwapped(progress, number) === (kernel === 'A'));
}
